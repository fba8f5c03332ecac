import type { DeclaredType } from './declared-type.ts'

const VARCHAR = 12
const CLOB = 2005
const BLOB = 2004
const BIGINT = -5
const DECIMAL = 3

/** Numbers of java.sql.Types by declared type; an unsigned integer has that of the next wider one. */
const NUMBERS: Readonly<Record<string, number | readonly [signed: number, unsigned: number]>> = {
  bit: -7,
  tinyint: [-6, 5],
  smallint: [5, 4],
  mediumint: 4,
  int: [4, BIGINT],
  integer: [4, BIGINT],
  bigint: [BIGINT, DECIMAL],
  decimal: DECIMAL,
  numeric: DECIMAL,
  float: 7,
  real: 7,
  double: 8,
  'double precision': 8,
  bool: 16,
  boolean: 16,
  year: VARCHAR,
  date: 91,
  time: 92,
  datetime: 93,
  timestamp: 93,
  char: 1,
  enum: 4,
  set: -7,
  tinytext: CLOB,
  text: CLOB,
  mediumtext: CLOB,
  longtext: CLOB,
  binary: BLOB,
  varbinary: BLOB,
  tinyblob: BLOB,
  blob: BLOB,
  mediumblob: BLOB,
  longblob: BLOB,
  geometry: BLOB,
}

/** The number of java.sql.Types that canal and Debezium give a declared type; VARCHAR for one they do not know. */
export function sqlTypeOf({ base, unsigned }: DeclaredType): number {
  const number = Object.hasOwn(NUMBERS, base) ? (NUMBERS[base] ?? VARCHAR) : VARCHAR
  return typeof number === 'number' ? number : number[unsigned ? 1 : 0]
}
