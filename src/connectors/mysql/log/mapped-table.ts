// A table as its rows in the log are written: by the table map, of its time, with what only the catalogue knows where that
// still is the same table.

import { MillraceError } from '../../../errors.ts'
import { type ColumnKind, type MysqlColumn, type MysqlTable, SPATIAL_TYPES, tableName } from '../column.ts'
import type { Collations, TextDecoders } from './charsets.ts'
import type { MappedColumn, TableMap } from './table-map.ts'
import { WireType } from './wire-type.ts'

/** Of which server a map is. */
export interface MapServer {
  readonly charsets: Collations & TextDecoders
  readonly mariadb: boolean
}

/**
 * The table that a map tells of. The catalogue adds a column's declared type, whether it is generated, and on MariaDB
 * whether it is a uuid, inet4, inet6 or vector. Throws SCHEMA_MISMATCH if the map has no names and the catalogue has other columns now.
 */
export function tableOfMap(map: TableMap, catalogue: MysqlTable | undefined, server: MapServer): MysqlTable {
  const { database, table: name } = map
  if (!map.named) return unnamedTable(map, catalogue, server)
  const known = new Map(catalogue?.columns.map((column) => [column.name, column]))
  const columns = map.columns.map((mapped) => namedColumn(map, mapped, known.get(mapped.name), server))
  return { database, name, columns, key: map.key.map((i) => (columns[i] as MysqlColumn).name) }
}

function namedColumn(
  map: TableMap,
  mapped: MappedColumn,
  known: MysqlColumn | undefined,
  server: MapServer,
): MysqlColumn {
  const column = columnOf(map, mapped, server)
  const isKnown = known !== undefined && fits(mapped, known, server) && sameLabels(known, column)
  requireDigits(map, mapped, isKnown ? known : undefined, server)
  if (!isKnown) return column
  // What the map tells is of its time: it goes before what the catalogue says now.
  const invisible = mapped.invisible ?? known.invisible
  const collation = known.charset === null ? null : column.collation
  return { ...known, nullable: mapped.nullable, invisible, collation }
}

function sameLabels(one: MysqlColumn, other: MysqlColumn): boolean {
  return one.labels.length === other.labels.length && one.labels.every((label, i) => label === other.labels[i])
}

function unnamedTable(map: TableMap, catalogue: MysqlTable | undefined, server: MapServer): MysqlTable {
  const isSame =
    catalogue?.columns.length === map.columns.length &&
    catalogue.columns.every((column, i) => {
      const mapped = map.columns[i] as MappedColumn
      return column.nullable === mapped.nullable && fits(mapped, column, server)
    })
  if (isSame) {
    for (const [i, mapped] of map.columns.entries()) requireDigits(map, mapped, catalogue.columns[i], server)
    return catalogue
  }
  throw new MillraceError('SCHEMA_MISMATCH', {
    table: tableName(map.database, map.table),
    reason:
      "the binary log holds rows of it without names of columns, and the table has other columns now: SET GLOBAL binlog_row_metadata = 'FULL' on the server (MySQL 8.0, MariaDB 10.5 and later), then take the snapshot again with --fresh",
  })
}

const OLD_TEMPORALS: ReadonlySet<number> = new Set([WireType.time, WireType.datetime, WireType.timestamp])

/** MariaDB writes the times of its release 5.3 by the type of those without digits of a second; only the catalogue tells them apart. */
function requireDigits(
  map: TableMap,
  mapped: MappedColumn,
  known: MysqlColumn | undefined,
  { mariadb }: MapServer,
): void {
  if (!mariadb || !OLD_TEMPORALS.has(mapped.type) || known?.scale === 0) return
  const reason = `column "${known?.name ?? mapped.name}" is stored in the format of MariaDB 5.3, whose digits of a second the binary log does not tell: SET GLOBAL mysql56_temporal_format = ON on the server, then ALTER TABLE … FORCE, then take the snapshot again with --fresh`
  throw new MillraceError('SCHEMA_MISMATCH', { table: tableName(map.database, map.table), reason })
}

const BINARY = 63

const KINDS: Readonly<Record<number, ColumnKind>> = {
  [WireType.tiny]: 'tinyint',
  [WireType.short]: 'smallint',
  [WireType.int24]: 'mediumint',
  [WireType.long]: 'int',
  [WireType.longlong]: 'bigint',
  [WireType.float]: 'float',
  [WireType.double]: 'double',
  [WireType.newDecimal]: 'decimal',
  [WireType.bit]: 'bit',
  [WireType.year]: 'year',
  [WireType.date]: 'date',
  [WireType.newDate]: 'date',
  [WireType.time]: 'time',
  [WireType.time2]: 'time',
  [WireType.datetime]: 'datetime',
  [WireType.datetime2]: 'datetime',
  [WireType.timestamp]: 'timestamp',
  [WireType.timestamp2]: 'timestamp',
  [WireType.json]: 'json',
  [WireType.vector]: 'vector',
  [WireType.geometry]: 'geometry',
  [WireType.enum]: 'enum',
  [WireType.set]: 'set',
}

const TEXTS: readonly ColumnKind[] = ['tinytext', 'text', 'mediumtext', 'longtext']
const BLOBS: readonly ColumnKind[] = ['tinyblob', 'blob', 'mediumblob', 'longblob']

function kindOf({ type, length }: MappedColumn, isBinary: boolean): ColumnKind {
  const kind = KINDS[type]
  if (kind !== undefined) return kind
  if (type === WireType.string) return isBinary ? 'binary' : 'char'
  if (type === WireType.varchar || type === WireType.varString || type === WireType.varcharCompressed)
    return isBinary ? 'varbinary' : 'varchar'
  return (isBinary ? BLOBS : TEXTS)[length - 1] as ColumnKind
}

/** The column by the map alone. */
function columnOf(map: TableMap, mapped: MappedColumn, { charsets }: MapServer): MysqlColumn {
  const isBinary = mapped.collation === BINARY || mapped.collation === undefined
  const kind = kindOf(mapped, isBinary)
  const collation = isBinary || kind === 'geometry' ? undefined : collationOf(map, mapped, charsets)
  const bytes = SIZED.has(kind) ? mapped.length - headerOf(mapped) : 0
  const decode = charsets.decoder(collation?.charset ?? 'utf8mb4')
  const column = {
    name: mapped.name,
    kind,
    unsigned: mapped.unsigned === true && kind !== 'year',
    nullable: mapped.nullable,
    generated: false,
    invisible: mapped.invisible === true,
    precision: kind === 'bit' ? mapped.length : mapped.precision,
    scale: mapped.scale,
    length: collation === undefined ? bytes : Math.floor(bytes / collation.characterBytesMax),
    charset: collation?.charset ?? null,
    collation: collation?.name ?? null,
    labels: (mapped.labels ?? []).map((label) => decode(label, 0, label.length)),
  }
  return { ...column, type: typeText(column, mapped) }
}

function collationOf(map: TableMap, mapped: MappedColumn, collations: Collations) {
  const collation = collations.collation(mapped.collation as number)
  if (collation !== undefined) return collation
  const reason = `column "${mapped.name}" has the collation ${mapped.collation} in the binary log, which the server does not know (any more): install it there again`
  throw new MillraceError('SCHEMA_MISMATCH', { table: tableName(map.database, map.table), reason })
}

const SIZED: ReadonlySet<ColumnKind> = new Set(['char', 'varchar', 'binary', 'varbinary'])

/** MariaDB's compressed columns have a byte before their value, and count it. */
function headerOf({ type }: MappedColumn): number {
  return type === WireType.varcharCompressed ? 1 : 0
}

function typeText(column: Omit<MysqlColumn, 'type'>, mapped: MappedColumn): string {
  const { kind, precision, scale, length, labels } = column
  const sign = column.unsigned ? ' unsigned' : ''
  if (kind === 'decimal') return `decimal(${precision},${scale})${sign}`
  if (kind === 'bit') return `bit(${precision})`
  if (kind === 'enum' || kind === 'set')
    return `${kind}(${labels.map((label) => `'${label.replaceAll("'", "''")}'`).join(',')})`
  if (kind === 'geometry') return SPATIAL_TYPES[mapped.geometryType ?? 0] ?? kind
  if (kind === 'vector') return mapped.dimensions === undefined ? kind : `vector(${mapped.dimensions})`
  if (SIZED.has(kind)) return `${kind}(${length})`
  return `${kind}${scale > 0 ? `(${scale})` : ''}${sign}`
}

/** Kinds that a string or varchar without a character set may be, by what the catalogue says. */
const STRING_KINDS: ReadonlySet<ColumnKind> = new Set(['char', 'binary', 'uuid', 'inet4', 'inet6'])
const VARCHAR_KINDS: ReadonlySet<ColumnKind> = new Set(['varchar', 'varbinary', 'vector'])

/** Whether a column of the catalogue may be the one that the map tells of: rows of both are written alike. */
function fits(mapped: MappedColumn, column: MysqlColumn, { charsets }: MapServer): boolean {
  if (mapped.unsigned !== undefined && mapped.unsigned !== column.unsigned && column.kind !== 'year') return false
  const collation = mapped.collation === undefined ? undefined : charsets.collation(mapped.collation)
  if (collation !== undefined && column.charset !== null && collation.charset !== column.charset) return false
  if (collation !== undefined && column.charset === null && mapped.collation !== BINARY && !OF_BYTES.has(column.kind))
    return false
  return fitsKind(mapped, column)
}

/** Kinds without a character set in the catalogue that may have one in the log. */
const OF_BYTES: ReadonlySet<ColumnKind> = new Set(['uuid', 'inet4', 'inet6'])

function fitsKind(mapped: MappedColumn, column: MysqlColumn): boolean {
  const { type, length } = mapped
  switch (type) {
    case WireType.string:
      return STRING_KINDS.has(column.kind) && fitsLength(mapped, column)
    case WireType.varchar:
    case WireType.varString:
    case WireType.varcharCompressed:
      return VARCHAR_KINDS.has(column.kind) && fitsLength(mapped, column)
    case WireType.newDecimal:
      return column.kind === 'decimal' && mapped.precision === column.precision && mapped.scale === column.scale
    case WireType.bit:
      return column.kind === 'bit' && length === column.precision
    case WireType.time2:
    case WireType.datetime2:
    case WireType.timestamp2:
      return KINDS[type] === column.kind && mapped.scale === column.scale
    case WireType.enum:
      return column.kind === 'enum' && length === (column.labels.length < 256 ? 1 : 2)
    case WireType.set:
      return column.kind === 'set' && length === setBytes(column.labels.length)
    default:
      return KINDS[type] === undefined
        ? TEXTS[length - 1] === column.kind || BLOBS[length - 1] === column.kind
        : KINDS[type] === column.kind
  }
}

/** Bytes of the kinds that are strings of fixed length in the log. */
const FIXED_BYTES: Readonly<Partial<Record<ColumnKind, number>>> = { uuid: 16, inet4: 4, inet6: 16 }

function fitsLength(mapped: MappedColumn, column: MysqlColumn): boolean {
  const fixed = FIXED_BYTES[column.kind]
  if (fixed !== undefined) return mapped.length === fixed
  if (!SIZED.has(column.kind)) return true
  const bytes = mapped.length - headerOf(mapped)
  const isText = column.charset !== null
  return [1, 2, 3, 4].some((perCharacter) => bytes === column.length * perCharacter && (isText || perCharacter === 1))
}

function setBytes(labels: number): number {
  const bytes = (labels + 7) >> 3
  return bytes > 4 ? 8 : bytes
}
