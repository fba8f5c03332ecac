// What the target says about one of its tables.

import { type ColumnKind, isSpatial } from '../column.ts'
import type { MysqlConnection } from '../connection.ts'

/** A column of a target table. */
export interface TargetColumn {
  readonly name: string
  readonly kind: ColumnKind
  /** As declared, e.g. `decimal(10,2) unsigned`. */
  readonly type: string
  readonly nullable: boolean
  readonly generated: boolean
  /** A row that leaves it out can be written. */
  readonly optional: boolean
  readonly charset: string | null
  readonly collation: string | null
  /** The members of an enum; empty otherwise. */
  readonly labels: readonly string[]
}

/** A target table as it stands. */
export interface TargetDefinition {
  readonly database: string
  readonly name: string
  readonly columns: readonly TargetColumn[]
  readonly primaryKey: readonly string[]
  /** Unique indexes beside the primary key. */
  readonly uniqueIndexes: readonly UniqueIndex[]
}

export interface UniqueIndex {
  readonly name: string
  readonly columns: readonly string[]
}

const COLUMNS = `SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA, CHARACTER_SET_NAME, COLLATION_NAME
  FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`
const UNIQUE = `SELECT INDEX_NAME, COLUMN_NAME FROM information_schema.STATISTICS
  WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND NON_UNIQUE = 0 ORDER BY INDEX_NAME, SEQ_IN_INDEX`

/** Undefined if there is no such table. */
export async function readTarget(
  connection: MysqlConnection,
  database: string,
  name: string,
): Promise<TargetDefinition | undefined> {
  const columns = await connection.query(COLUMNS, [database, name])
  if (columns.length === 0) return undefined
  const indexes = new Map<string, string[]>()
  for (const [index, column] of await connection.query(UNIQUE, [database, name])) {
    const names = indexes.get(String(index)) ?? []
    names.push(column === null ? '' : String(column))
    indexes.set(String(index), names)
  }
  const primaryKey = indexes.get('PRIMARY') ?? []
  indexes.delete('PRIMARY')
  const uniqueIndexes = [...indexes].map(([index, parts]) => ({ name: index, columns: parts }))
  return { database, name, columns: columns.map(columnOf), primaryKey, uniqueIndexes }
}

function columnOf(row: readonly unknown[]): TargetColumn {
  const [name, kind, type, nullable, byDefault, extra, charset, collation] = row.map((value) =>
    value === null ? null : String(value),
  )
  const isGenerated = /\b(VIRTUAL|STORED|PERSISTENT) GENERATED|\bVIRTUAL\b|\bPERSISTENT\b/i.test(extra ?? '')
  return {
    name: name as string,
    kind: kindOf(kind as string),
    type: type as string,
    nullable: nullable === 'YES',
    generated: isGenerated,
    optional:
      nullable === 'YES' || byDefault !== null || isGenerated || /auto_increment|DEFAULT_GENERATED/i.test(extra ?? ''),
    charset: charset ?? null,
    collation: collation ?? null,
    labels: kind === 'enum' ? labelsOf(type as string) : [],
  }
}

function kindOf(dataType: string): ColumnKind {
  return isSpatial(dataType) ? 'geometry' : (dataType as ColumnKind)
}

/** The members in a declared enum or set: quoted, a quote doubled. */
export function labelsOf(type: string): string[] {
  return [...type.matchAll(/'((?:[^']|'')*)'/g)].map((match) => (match[1] as string).replaceAll("''", "'"))
}
