import type { Flavour } from '../../../../support/mysql-servers.ts'

/** A column's declaration, and SQL of three of its values: the extremes, and what is easily got wrong. */
export type ColumnCase = readonly [declaration: string, ...values: readonly [string, string, string] | readonly []]

const digits = [1, 2, 3, 4, 5, 6]
const members = (count: number): string => Array.from({ length: count }, (_, i) => `'m${i}'`).join(',')

const NUMBERS: readonly ColumnCase[] = [
  ['ti tinyint', '-128', '127', '0'],
  ['tu tinyint unsigned', '255', '0', '128'],
  ['si smallint', '-32768', '32767', '-1'],
  ['su smallint unsigned', '65535', '0', '32768'],
  ['mi mediumint', '-8388608', '8388607', '-1'],
  ['mu mediumint unsigned', '16777215', '0', '8388608'],
  ['i int', '-2147483648', '2147483647', '-1'],
  ['iu int unsigned', '4294967295', '0', '2147483648'],
  ['bi bigint', '-9223372036854775808', '9223372036854775807', '-1'],
  ['bu bigint unsigned', '18446744073709551615', '0', '9007199254740993'],
  ['y year', '0', '1901', '2155'],
  ['after_y int unsigned', '4294967295', '1', '2'],
  [
    'd65 decimal(65,30)',
    "'99999999999999999999999999999999999.999999999999999999999999999999'",
    "'-99999999999999999999999999999999999.999999999999999999999999999999'",
    "'-0.000000000000000000000000000001'",
  ],
  ['d10 decimal(10,0)', '-0', '9999999999', '-9999999999'],
  ['d5 decimal(5,5)', '0.00001', '-0.99999', '0'],
  ['d18 decimal(18,6) unsigned', '0', '123456789012.123456', '1'],
  ['d1 decimal(1,0)', '-1', '0', '9'],
  ['d30 decimal(30,20)', '-1.5', '1000000001.01', '1000000000.00000000000000000005'],
  ['f float', '16777216', '3.4028234e38', '-1.17549435e-38'],
  ['f7 float(7,3)', '1.1', '-2.345', '0'],
  ['fd double', '1.7976931348623157e308', '5e-324', '-0.1'],
  ['b1 bit', "b'1'", "b'0'", 'NULL'],
  ['b9 bit(9)', "b'111111111'", "b'1'", "b'100000000'"],
  ['b64 bit(64)', '0xffffffffffffffff', "b'1'", '0x0102030405060708'],
]

const TIMES: readonly ColumnCase[] = [
  ['da date', "'0000-00-00'", "'9999-12-31'", "'2024-00-10'"],
  ['t0 time', "'-838:59:59'", "'838:59:59'", "'-00:00:01'"],
  ...digits.map((n): ColumnCase => [`t${n} time(${n})`, "'-838:59:58.999999'", "'-00:00:00.100001'", "'100:00:01.5'"]),
  ['dt0 datetime', "'0000-00-00 00:00:00'", "'9999-12-31 23:59:59'", "'0001-01-01 00:00:01'"],
  ...digits.map(
    (n): ColumnCase => [
      `dt${n} datetime(${n})`,
      "'0000-00-00 00:00:00'",
      "'9999-12-31 23:59:58.987654'",
      "'1000-02-29 12:13:14.000001'",
    ],
  ),
  ['ts0 timestamp null', "'0000-00-00 00:00:00'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'"],
  ...digits.map(
    (n): ColumnCase => [
      `ts${n} timestamp(${n}) null`,
      "'0000-00-00 00:00:00'",
      "'2024-02-29 23:59:59.123456'",
      "'2000-12-31 03:14:07.999'",
    ],
  ),
]

const TEXTS: readonly ColumnCase[] = [
  ['c char(10)', "'a  '", "''", "' é😀'"],
  ['c_latin1 char(10) character set latin1', "'é€'", "''", "'x '"],
  ['c_long char(255)', "'a'", "''", "repeat('😀', 255)"],
  ['c_ucs2 char(20) character set ucs2', "'日本 '", "'a'", "''"],
  ['c_utf32 char(20) character set utf32', "'😀日'", "'a'", "''"],
  ['v varchar(20)', "'a  '", "''", "' é😀'"],
  ['v_long varchar(300)', "'a  '", "repeat('😀', 300)", 'NULL'],
  ['v_gbk varchar(20) character set gbk', "'你好'", "'a'", "'中'"],
  ['v_sjis varchar(20) character set sjis', "'ﾃｽﾄ日本'", "'a'", "''"],
  ['v_ujis varchar(20) character set ujis', "'ﾃｽﾄ日本'", "'a'", "''"],
  ['v_big5 varchar(20) character set big5', "'中文'", "'a'", "''"],
  ['v_euckr varchar(20) character set euckr', "'한국어'", "'a'", "''"],
  ['v_ucs2 varchar(20) character set ucs2', "'日本 '", "'a'", "''"],
  ['v_utf16 varchar(20) character set utf16', "'😀日'", "'a'", "''"],
  ['v_utf16le varchar(20) character set utf16le', "'😀日'", "'a'", "''"],
  ['v_koi8r varchar(9) character set koi8r', "'привет'", "'a'", "''"],
  ['tt tinytext', "'é'", "''", "'😀'"],
  ['tx text', "'é'", "''", "'😀'"],
  ['tm mediumtext', "repeat('é', 70000)", "''", "'😀'"],
  ['tl longtext character set latin2', "'łódź'", "''", "'a'"],
  ["e enum('a','b,c','it''s','é')", "'a'", "'b,c'", "'none of them'"],
  ["e_empty enum('','x')", "''", "'none of them'", "'x'"],
  ["e_ucs2 enum('日','本') character set ucs2", "'日'", "'本'", "'none of them'"],
  ["e_latin1 enum('é','ü') character set latin1", "'é'", "'ü'", "'none of them'"],
  [`e_300 enum(${members(300)})`, "'m0'", "'m299'", "'m255'"],
  ["s set('a','b','it''s','é')", "'a,é'", "''", "'a,b,it''s,é'"],
  ["s_gbk set('日','本') character set gbk", "'日,本'", "'本'", "''"],
  [`s_20 set(${members(20)})`, "'m0,m19'", "''", "'m8,m16'"],
  [`s_64 set(${members(64)})`, "'m0,m63,m31,m32'", "''", '18446744073709551615'],
]

const BYTES: readonly ColumnCase[] = [
  ['bn binary(16)', '0x00', '0x0100', '0xff00000000000000000000000000ff00'],
  ['bn_long binary(255)', '0x00', "''", '0xff'],
  ['vb varbinary(20)', '0x00', "''", '0xff00'],
  ['bt tinyblob', '0x00', "''", '0xff00'],
  ['bl blob', '0x00', "''", '0xff00'],
  ['bm mediumblob', 'repeat(0x01, 70000)', "''", '0xff00'],
  ['bb longblob', '0x00', "''", '0xff00'],
  [
    'g geometry',
    "ST_GeomFromText('POINT(1 2)', 4326)",
    "ST_GeomFromText('GEOMETRYCOLLECTION EMPTY')",
    "ST_GeomFromText('LINESTRING(0 0,1 1)')",
  ],
  ['gp point', "ST_GeomFromText('POINT(1 2)')", 'NULL', "ST_GeomFromText('POINT(-1 1e300)')"],
  ['after_g varchar(10)', "'é'", "''", "'x'"],
]

const SPECIAL: readonly ColumnCase[] = [
  ['nn int not null', '1', '2', '3'],
  ['hidden int invisible default 5', '1', '2', '3'],
  ['gv int generated always as (i % 7) virtual'],
  ['gs int generated always as (i % 7) stored'],
  ['`a.b``c` int', '1', '2', '3'],
  ['`__proto__` int', '1', '2', '3'],
  ['`é x` int', '1', '2', '3'],
]

const OF_FLAVOUR: Readonly<Record<Flavour, readonly ColumnCase[]>> = {
  mysql: [
    ['v_gb18030 varchar(20) character set gb18030', "'你好😀'", "'a'", "''"],
    ['j json', `'{"b":1.0,"a":[1,2,{"c":null}]}'`, "'[]'", "'-0.0'"],
    ['vec vector(3)', "string_to_vector('[1,2,3]')", 'NULL', "string_to_vector('[1.5]')"],
  ],
  mariadb: [
    ['j json', `'{"b":1.0,  "a":[1,2]}'`, "'[]'", "'1'"],
    [
      'uu uuid',
      "'123e4567-e89b-12d3-a456-426655440000'",
      "'00000000-0000-0000-0000-000000000000'",
      "'ffffffff-ffff-7fff-8fff-ffffffffff00'",
    ],
    ['i4 inet4', "'1.2.3.4'", "'0.0.0.0'", "'1.0.0.0'"],
    ['i6 inet6', "'::ffff:1.2.3.4'", "'::'", "'2001:db8::1:0:0:1'"],
    ['v_packed varchar(300) compressed', "repeat('é', 200)", "''", "'a'"],
    ['vb_packed varbinary(300) compressed', "repeat('é', 200)", "''", "'a'"],
    ['bl_packed blob compressed', "repeat('é', 20000)", "''", "'a'"],
    ['tx_packed text compressed', "repeat('é', 20000)", "''", "'a'"],
  ],
}

/** A column of every type. */
export function columnCases(flavour: Flavour): readonly ColumnCase[] {
  return [...NUMBERS, ...TIMES, ...TEXTS, ...BYTES, ...SPECIAL, ...OF_FLAVOUR[flavour]]
}

/** The name that a declaration begins with. */
export function nameOf(declaration: string): string {
  return /^(?:`(?:[^`]|``)*`|\S+)/.exec(declaration)?.[0] ?? ''
}
