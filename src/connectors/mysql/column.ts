// What is known of a table's columns: from the catalogue for a snapshot, from the log's table maps for changes. Both give the same.

import { assert } from '../../util/assert.ts'

/** information_schema's DATA_TYPE; every spatial type is `geometry`, MariaDB's JSON is `longtext`. */
export type ColumnKind =
  | 'tinyint'
  | 'smallint'
  | 'mediumint'
  | 'int'
  | 'bigint'
  | 'decimal'
  | 'float'
  | 'double'
  | 'bit'
  | 'year'
  | 'date'
  | 'time'
  | 'datetime'
  | 'timestamp'
  | 'char'
  | 'varchar'
  | 'tinytext'
  | 'text'
  | 'mediumtext'
  | 'longtext'
  | 'binary'
  | 'varbinary'
  | 'tinyblob'
  | 'blob'
  | 'mediumblob'
  | 'longblob'
  | 'json'
  | 'enum'
  | 'set'
  | 'geometry'
  | 'vector'
  | 'uuid'
  | 'inet4'
  | 'inet6'

/** Spatial types, each at the number that the log has for it. */
export const SPATIAL_TYPES: readonly string[] = [
  'geometry',
  'point',
  'linestring',
  'polygon',
  'multipoint',
  'multilinestring',
  'multipolygon',
  'geomcollection',
]

/** Of a DATA_TYPE. */
export function isSpatial(type: string): boolean {
  return SPATIAL_TYPES.includes(type) || type === 'geometrycollection'
}

/** One column of a MySQL or MariaDB table. */
export interface MysqlColumn {
  readonly name: string
  readonly kind: ColumnKind
  /** As declared, e.g. `decimal(10,2) unsigned`; made up from the log's table map where the catalogue has moved on. */
  readonly type: string
  readonly unsigned: boolean
  readonly nullable: boolean
  /** The server computes it (virtual or stored). */
  readonly generated: boolean
  /** Left out by SELECT *. */
  readonly invisible: boolean
  /** Digits in all of a decimal; bits of a bit. */
  readonly precision: number
  /** Digits behind the point of a decimal; of the second of a time, datetime or timestamp. */
  readonly scale: number
  /** Characters of a char or varchar, bytes of a binary or varbinary; 0 where there is no such limit. */
  readonly length: number
  /** The server's name of its character set, e.g. `utf8mb4`; null where it holds no text. */
  readonly charset: string | null
  /** The server's name of its collation; null where it holds no text or it is not known. */
  readonly collation: string | null
  /** The members of an enum or set, in order; empty otherwise. */
  readonly labels: readonly string[]
}

/** A table at one time. */
export interface MysqlTable {
  readonly database: string
  readonly name: string
  readonly columns: readonly MysqlColumn[]
  /** Names of the columns of its primary key, in the key's order; empty if it has none. */
  readonly key: readonly string[]
}

/**
 * A value as every part of this connector understands it, whatever it was read from (snapshot, log):
 * tinyint … int, year: number · bigint: bigint · decimal: string, as the server prints it · float, double: number (-0 in a row that is an
 * array: '-0', which survives the way from thread to thread) ·
 * bit: Uint8Array, big-endian, (bits + 7) / 8 bytes · date, time, datetime: string, as the server prints it ·
 * timestamp: the same, in UTC · char … longtext, enum, set: string (an enum's error value is '', or 0 where '' is a member) ·
 * binary … longblob: Uint8Array, a binary padded to its length · json: string, as the server prints it · geometry: Uint8Array, SRID and WKB ·
 * vector: Uint8Array of little-endian floats · uuid, inet4, inet6: string, as the server prints it · NULL: null.
 */
export type MysqlValue = null | number | bigint | string | Uint8Array

/** What discoverTables, chunks and errors call a table: `shop.orders`, quoted with backticks where a name holds a dot or backtick. */
export function tableName(database: string, table: string): string {
  const part = (name: string): string => (/[.`]/.test(name) ? `\`${name.replaceAll('`', '``')}\`` : name)
  return `${part(database)}.${part(table)}`
}

/** The database and table of a name that tableName made. */
export function splitTableName(name: string): { readonly database: string; readonly table: string } {
  const match = /^(`(?:[^`]|``)*`|[^.`]*)\.(`(?:[^`]|``)*`|[^.`]*)$/.exec(name)
  assert(match !== null, `${name} is the name of a table in a database`)
  const part = (text: string): string => (text.startsWith('`') ? text.slice(1, -1).replaceAll('``', '`') : text)
  return { database: part(match[1] as string), table: part(match[2] as string) }
}
