// Columns of every type of MySQL and MariaDB, with values at the edges of each.

import type { MysqlColumn, MysqlTable } from '../../src/connectors/mysql/column.ts'
import { type MysqlConnection, quoteName } from '../../src/connectors/mysql/connection.ts'
import type { Flavour } from './mysql-process.ts'

export interface TypeCase {
  /** As in CREATE TABLE, behind the name. */
  readonly type: string
  /** SQL expressions. NULL is tried of every column that can hold it. */
  readonly values: readonly string[]
  /** Default: both. */
  readonly only?: Flavour
}

const text = (value: string): string => `'${value.replaceAll("'", "''")}'`
const on = (only: Flavour, type: string, values: readonly string[]): TypeCase => ({ type, values, only })
const of = (type: string, values: readonly string[]): TypeCase => ({ type, values })

const WORDS = ['', 'a', 'äöü ß', '  spaces  ', 'tab\tand\nline', 'quote \' and " and \\\\', 'ÿ'].map(text)
const CJK = ['你好', 'テスト', '한국어', 'Ελλάδα', 'Привет', '€', '~', '\\\\', '¥'].map(text)
const ASTRAL = ['😀', 'a😀b', '\u{10ffff}', 'e\u0301', '\u200f\u202e', '\uffff'].map(text)
const allBytes = (from: number, to: number): string =>
  `x'${Array.from({ length: to - from + 1 }, (_, i) => (from + i).toString(16).padStart(2, '0')).join('')}'`

const SINGLE_BYTE = [
  'latin1 latin2 latin5 latin7 ascii greek hebrew cp1250 cp1251 cp1256 cp1257 cp850 cp852 cp866',
  'koi8r koi8u dec8 hp8 swe7 macce macroman keybcs2 armscii8 geostd8 tis620',
]
  .join(' ')
  .split(' ')
const MULTI_BYTE = 'gbk gb2312 big5 sjis cp932 eucjpms ujis euckr ucs2 utf16 utf16le utf32 utf8mb3'.split(' ')

const NUMBERS: readonly TypeCase[] = [
  of('tinyint', ['-128', '0', '127']),
  of('tinyint unsigned', ['0', '255']),
  of('tinyint(1)', ['0', '1', '127']),
  of('smallint', ['-32768', '32767']),
  of('smallint unsigned', ['65535']),
  of('mediumint', ['-8388608', '8388607']),
  of('mediumint unsigned', ['16777215']),
  of('int', ['-2147483648', '0', '2147483647']),
  of('int unsigned', ['4294967295']),
  of('int(8) unsigned zerofill', ['0', '42', '4294967295']),
  of('bigint', ['-9223372036854775808', '-9007199254740993', '0', '9223372036854775807']),
  of('bigint unsigned', ['0', '9007199254740992', '9007199254740993', '18446744073709551615']),
  of('bigint(20) unsigned zerofill', ['7', '18446744073709551615']),
  of('decimal(65,30)', ['-99999999999999999999999999999999999.999999999999999999999999999999', '1e-30', '0', '-0.5']),
  of('decimal(65,0)', [`${'9'.repeat(65)}`, `-${'9'.repeat(65)}`]),
  of('decimal(30,30)', [`0.${'9'.repeat(30)}`, '-1e-30', '0']),
  of('decimal(10,2)', ['-0.001', '-99999999.99', '0.10', '12345678.9']),
  of('decimal(10,2) unsigned zerofill', ['0', '1.5', '99999999.99']),
  of('bit(1)', ["b'0'", "b'1'"]),
  of('bit(9)', ['0', '256', '511']),
  of('bit(64)', ['0', '1', '18446744073709551615']),
  of('year', ['0', '1901', '1970', '2155', "'0'"]),
  of('bool', ['true', 'false']),
]

const FLOATS: readonly TypeCase[] = [
  of('float', [
    '0',
    '0.1',
    '-0.3',
    '16777216',
    '16777217',
    '3.4028234663852886e38',
    '-3.4028234663852886e38',
    '1.17549435e-38',
  ]),
  of('float', ['1.4e-45', '123456.789', '8388608.5', '-1e-60', "-CAST('0' AS DOUBLE)", '1e0 / 3']),
  of('float unsigned', ['1.5']),
  of('float(10,2)', ['1.005', '12345678.12', '0.3']),
  of('double', ['0', '0.1', '9.999999999999999e0', '12345678901234567e0', '0.1234567890123456e0', '1e0 / 3']),
  of('double', [
    '1.7976931348623157e308',
    '-1.7976931348623157e308',
    '2.2250738585072014e-308',
    '5e-324',
    "-CAST('0' AS DOUBLE)",
  ]),
  of('double', [
    '9007199254740993',
    '1e22',
    '1e23',
    '123456789012345680000',
    '-1.1e-7',
    '4.35e0',
    '2.2250738585072011e-308',
  ]),
  of('double(20,2)', ['1.005', '123456789012345678.12', '0.3']),
  of('double(255,30)', ['1e0 / 3', '2e0 / 3', '1e200', '123456.789012345678']),
  of('double zerofill', ['1.5', '0.1']),
]

const TIMES: readonly TypeCase[] = [
  of('date', [
    "'0000-00-00'",
    "'0000-01-01'",
    "'2024-00-00'",
    "'2024-02-00'",
    "'2024-02-29'",
    "'1582-10-10'",
    "'9999-12-31'",
  ]),
  of('time', ["'-838:59:59'", "'838:59:59'", "'00:00:00'", "'-00:00:01'"]),
  of('time(3)', ["'-838:59:58.999'", "'12:34:56.789'", "'-00:00:00.001'", "'00:00:00'"]),
  of('time(6)', [
    "'-838:59:59'",
    "'838:59:59'",
    "'-00:00:00.000001'",
    "'-12:34:56.000001'",
    "'23:59:59.999999'",
    "'-01:00:00'",
  ]),
  of('datetime', [
    "'0000-00-00'",
    "'0001-01-01'",
    "'2024-00-10 01:02:03'",
    "'9999-12-31 23:59:59'",
    "'1969-12-31 23:59:59'",
  ]),
  of('datetime(1)', ["'2024-01-02 03:04:05.6'", "'0000-00-00'"]),
  of('datetime(4)', ["'2024-01-02 03:04:05.6789'"]),
  of('datetime(6)', ["'0000-00-00'", "'0001-01-01 00:00:00.000001'", "'9999-12-31 23:59:59.999999'", "'2024-05-06'"]),
  of('timestamp null', ["'0000-00-00'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'2024-03-31 01:30:00'"]),
  of('timestamp(3) null', ["'2024-10-27 00:59:59.999'", "'0000-00-00'"]),
  of('timestamp(6) null', ["'2038-01-19 03:14:07.999999'", "'1970-01-01 00:00:01.000001'", "'2024-01-01'"]),
]

const TEXTS: readonly TypeCase[] = [
  of('char(20)', [...WORDS, "'trailing  '", ...CJK, ...ASTRAL]),
  of('char(0)', ["''"]),
  of('char(255)', ["REPEAT('😀', 255)"]),
  of('varchar(20)', [...WORDS, "'trailing  '", ...CJK, ...ASTRAL]),
  of('varchar(300)', ["REPEAT('a', 255)", "REPEAT('ä', 300)"]),
  of('varchar(20) collate utf8mb4_bin', ["'a'", "'A'"]),
  of('tinytext', ["REPEAT('x', 255)", "''"]),
  of('text', ["REPEAT('ä', 30000)", "''", ...ASTRAL]),
  of('mediumtext', ["REPEAT('xyz', 30000)", "''"]),
  of('longtext', ["REPEAT('xyz', 30000)", "''"]),
  ...SINGLE_BYTE.map((charset) => of(`varchar(260) character set ${charset}`, [...WORDS, ...CJK, ...ASTRAL])),
  ...SINGLE_BYTE.filter((charset) => charset !== 'ascii').map((charset) =>
    of(`text character set ${charset}`, [allBytes(1, 0x7f), allBytes(0x80, 0xbf), allBytes(0xc0, 0xff)]),
  ),
  ...MULTI_BYTE.map((charset) => of(`varchar(40) character set ${charset}`, [...WORDS, ...CJK, ...ASTRAL])),
  ...MULTI_BYTE.map((charset) => of(`char(10) character set ${charset}`, CJK)),
  on('mysql', 'varchar(40) character set gb18030', [...CJK, ...ASTRAL]),
  of("enum('a','b,c','d''e','','ä','x\\\\y')", ["'a'", "'b,c'", "'d''e'", "''", "'none'", "'ä'", '6', '0']),
  of("enum('one','two') character set latin2", ["'one'", "'two'", "'none'"]),
  of(`enum(${Array.from({ length: 300 }, (_, i) => `'m${i}'`).join()})`, ["'m0'", "'m299'"]),
  of("set('a','b','c d','d''e')", ["''", "'a'", "'a,c d'", "'a,b,c d,d''e'"]),
  of(`set(${Array.from({ length: 64 }, (_, i) => `'m${i}'`).join()})`, ["'m0,m63'", '18446744073709551615']),
]

const BYTES: readonly TypeCase[] = [
  of('binary(4)', ["x'00'", "x'0100'", "''", "x'ffffffff'", "'a   '"]),
  of('binary(255)', ["x'01'", allBytes(0, 254)]),
  of('varbinary(300)', ["x'0100'", "''", allBytes(0, 255)]),
  of('tinyblob', ["''", "x'00'", "REPEAT('x', 255)"]),
  of('blob', ["''", "REPEAT(x'00ff', 30000)"]),
  of('mediumblob', ["REPEAT(x'c3', 100000)"]),
  of('longblob', ["REPEAT(x'00', 100000)", "''"]),
  of('geometry', [
    "ST_GeomFromText('POINT(1 2)')",
    "ST_GeomFromText('POINT(10 20)', 4326)",
    "ST_GeomFromText('GEOMETRYCOLLECTION EMPTY')",
    "ST_GeomFromText('POLYGON((0 0,10 0,10 10,0 10,0 0),(5 5,7 5,7 7,5 7,5 5))')",
  ]),
  of('point', ["ST_GeomFromText('POINT(-1.5 1e300)')"]),
  of('linestring', ["ST_GeomFromText('LINESTRING(0 0,1 1,2 2)')"]),
  of('multipolygon', ["ST_GeomFromText('MULTIPOLYGON(((0 0,1 0,1 1,0 0)))')"]),
  of('geometrycollection', ["ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))')"]),
  on('mysql', 'vector(3)', ["STRING_TO_VECTOR('[1, -2.5, 3.4028234e38]')"]),
]

const deep = `${'['.repeat(99)}18446744073709551615${']'.repeat(99)}`
const JSONS: readonly TypeCase[] = [
  on('mysql', 'json', [
    ...[
      '{"a": 1.0, "b": -0.0, "c": 18446744073709551615, "d": -9223372036854775808, "e": 1e100, "f": 0.1}',
      '{"ä": "😀 \\\\" \\\\\\\\ \\\\u0000", "": null, "__proto__": {"x": true}}',
      '[]',
      '{}',
      'null',
      'true',
      '"text"',
      '9007199254740993',
      '[1, "a", [2, [3]]]',
      '{"b": 1, "a": 2, "aa": 3, "b": 4}',
      '1.7976931348623157e308',
      '123456789012345678901234567890',
    ].map(text),
    text(deep),
    'CAST(1.10 AS JSON)',
    "CAST(CAST('123.4500' AS DECIMAL(65,30)) AS JSON)",
    "CAST(CAST('2024-01-02 03:04:05.678' AS DATETIME(6)) AS JSON)",
    "CAST(CAST('-01:02:03.5' AS TIME(6)) AS JSON)",
    "CAST(CAST('2024-01-02' AS DATE) AS JSON)",
    "JSON_OBJECT('bytes', x'00ff')",
    'JSON_ARRAY(CAST(18446744073709551615 AS UNSIGNED), -1, 1.5e0, true)',
    "JSON_OBJECT('long', REPEAT('x', 70000))",
  ]),
  on('mariadb', 'json', ['{"a": 1.0, "b": 18446744073709551615}', '[ 1 , 2 ]', 'null'].map(text)),
]

const MARIADB: readonly TypeCase[] = [
  on('mariadb', 'uuid', ["'123e4567-e89b-12d3-a456-426655440000'", "'ffffffff-ffff-ffff-ffff-fffffffffffe'"]),
  on('mariadb', 'inet4', ["'0.0.0.0'", "'255.255.255.255'", "'10.1.2.3'"]),
  on('mariadb', 'inet6', ["'::'", "'::1'", "'2001:db8::ff00:42:8329'", "'::ffff:192.0.2.128'"]),
  on('mariadb', 'varchar(300) compressed', ["REPEAT('a', 250)", "''", "'😀'"]),
  on('mariadb', 'text compressed character set latin1', ["REPEAT('ä', 3000)", "''"]),
  on('mariadb', 'blob compressed', ["REPEAT(x'00ff', 3000)", "''"]),
  on('mariadb', 'varbinary(300) compressed', ["REPEAT(x'00', 250)"]),
]

export const TYPE_CASES: readonly TypeCase[] = [
  ...NUMBERS,
  ...FLOATS,
  ...TIMES,
  ...TEXTS,
  ...BYTES,
  ...JSONS,
  ...MARIADB,
]

/** Those that a server of this kind knows. */
export function typeCases(flavour: Flavour): readonly TypeCase[] {
  return TYPE_CASES.filter(({ only }) => only === undefined || only === flavour)
}

/** CREATE TABLE of a column `c0`, `c1`, … for each case, behind a key `n`. */
export function createTypesTable(name: string, cases: readonly TypeCase[]): string {
  const columns = cases.map(({ type }, index) => `c${index} ${type}`)
  return `CREATE TABLE ${name} (n int PRIMARY KEY, ${columns.join(', ')}) CHARACTER SET utf8mb4 ROW_FORMAT = DYNAMIC`
}

/** A statement for each row: every value of every case in turn, and last a row of NULLs. */
export function insertTypes(name: string, cases: readonly TypeCase[]): string[] {
  const height = Math.max(...cases.map(({ values }) => values.length))
  const rows = Array.from({ length: height }, (_, row) => cases.map(({ values }) => values[row % values.length]))
  rows.push(cases.map(() => 'NULL'))
  return rows.map((row, n) => `INSERT INTO ${name} VALUES (${[n, ...row].join(', ')})`)
}

const BINARY = /^(.*binary|.*blob|geometry|vector)$/

/** What the server itself says of every value, as hex of the text or bytes that a MysqlValue must be; of floats only whether they are equal. */
export async function serverTexts(connection: MysqlConnection, table: MysqlTable): Promise<(string | null)[][]> {
  const expression = (column: MysqlColumn): string => {
    const name = quoteName(column.name)
    if (column.kind === 'bit') return `LPAD(HEX(${name}), ${2 * Math.ceil(column.precision / 8)}, '0')`
    if (BINARY.test(column.kind)) return `HEX(${name})`
    const plain = /zerofill/.test(column.type) ? `${name} + 0` : name
    return `HEX(CONVERT(CAST(${plain} AS CHAR) USING utf8mb4))`
  }
  const from = `${quoteName(table.database)}.${quoteName(table.name)}`
  const rows = await connection.query(
    `SELECT ${table.columns.map(expression).join(', ')} FROM ${from} ORDER BY ${quoteName(table.columns[0]?.name as string)}`,
  )
  return rows as (string | null)[][]
}

/** A MysqlValue in the notation of serverTexts. */
export function textOf(value: unknown): string | null {
  if (value === null) return null
  const bytes = value instanceof Uint8Array ? Buffer.from(value) : Buffer.from(String(value))
  return bytes.toString('hex').toUpperCase()
}
