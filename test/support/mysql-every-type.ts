// A column of every type that a server has, with values at and beyond the edges. What is beyond becomes what the server makes of it.

import type { Flavour } from './mysql-process.ts'

export interface TypedColumn {
  readonly name: string
  readonly type: string
  /** SQL expressions; none where the server computes the column. */
  readonly values: readonly string[]
}

const text = ["''", "' '", "'a'", "'é\\\\\\'\"'", "'\\0\\n\\t'", "REPEAT('ab', 5)"]
const unicode = [...text, "'漢字😀'", "'ÿ'", "REPEAT('é', 40)"]
const bytes = ["''", "x'00'", "x'ff00ff'", "x'20'", "REPEAT(x'80', 8)"]
const times = ["'1970-01-01 00:00:01'", "'2038-01-19 03:14:07.999999'", "'2024-02-29 23:59:59.123456'"]

const COMMON: readonly TypedColumn[] = [
  { name: 'c_tiny', type: 'TINYINT', values: ['-128', '127', '0'] },
  { name: 'c_utiny', type: 'TINYINT UNSIGNED', values: ['255', '0'] },
  { name: 'c_bool', type: 'BOOLEAN', values: ['TRUE', 'FALSE', '2'] },
  { name: 'c_small', type: 'SMALLINT', values: ['-32768', '32767'] },
  { name: 'c_usmall', type: 'SMALLINT UNSIGNED', values: ['65535'] },
  { name: 'c_medium', type: 'MEDIUMINT', values: ['-8388608', '8388607'] },
  { name: 'c_umedium', type: 'MEDIUMINT UNSIGNED', values: ['16777215'] },
  { name: 'c_int', type: 'INT', values: ['-2147483648', '2147483647'] },
  { name: 'c_uint', type: 'INT UNSIGNED ZEROFILL', values: ['4294967295', '7'] },
  { name: 'c_big', type: 'BIGINT', values: ['-9223372036854775808', '9223372036854775807', '9007199254740993'] },
  { name: 'c_ubig', type: 'BIGINT UNSIGNED', values: ['18446744073709551615', '0'] },
  { name: 'c_dec', type: 'DECIMAL(30,10)', values: ['-12345678901234567890.0123456789', '0', '-0.0000000001', '1e19'] },
  {
    name: 'c_dec65',
    type: 'DECIMAL(65,30)',
    values: ['99999999999999999999999999999999999.999999999999999999999999999999'],
  },
  {
    name: 'c_dec0',
    type: 'DECIMAL(65,0)',
    values: ['-1', "'99999999999999999999999999999999999999999999999999999999999999999'"],
  },
  { name: 'c_float', type: 'FLOAT', values: ['0.1', '-3.4028235e38', '1.17549e-38', '16777217', '1.5'] },
  {
    name: 'c_double',
    type: 'DOUBLE',
    values: ['0.1', '-1.7976931348623157e308', '2.2250738585072014e-308', '9007199254740993', '-0e0'],
  },
  { name: 'c_bit1', type: 'BIT(1)', values: ["b'0'", "b'1'"] },
  { name: 'c_bit', type: 'BIT(11)', values: ["b'10000000001'", '0'] },
  { name: 'c_bit64', type: 'BIT(64)', values: ['18446744073709551615', '1'] },
  { name: 'c_year', type: 'YEAR', values: ['0', '1901', '2155'] },
  { name: 'c_date', type: 'DATE', values: ["'0000-00-00'", "'1000-01-01'", "'9999-12-31'", "'2024-00-00'"] },
  { name: 'c_time', type: 'TIME', values: ["'-838:59:59'", "'838:59:59'", "'00:00:00'"] },
  { name: 'c_time6', type: 'TIME(6)', values: ["'-838:59:58.999999'", "'-00:00:00.000001'", "'12:34:56.789'"] },
  { name: 'c_datetime', type: 'DATETIME', values: ["'0000-00-00'", "'1000-01-01'", "'9999-12-31 23:59:59'"] },
  { name: 'c_datetime3', type: 'DATETIME(3)', values: ["'0000-00-00'", ...times] },
  { name: 'c_datetime6', type: 'DATETIME(6)', values: ["'1000-01-01 00:00:00.000001'", ...times] },
  { name: 'c_timestamp', type: 'TIMESTAMP NULL', values: ["'0000-00-00'", ...times] },
  { name: 'c_timestamp6', type: 'TIMESTAMP(6) NULL', values: times },
  { name: 'c_char', type: 'CHAR(10)', values: text },
  { name: 'c_latin1', type: 'VARCHAR(50) CHARACTER SET latin1', values: [...text, "'€ÿ'"] },
  { name: 'c_cp1251', type: 'VARCHAR(50) CHARACTER SET cp1251', values: [...text, "'Жя'"] },
  { name: 'c_sjis', type: 'VARCHAR(50) CHARACTER SET sjis', values: [...text, "'漢字'"] },
  { name: 'c_gbk', type: 'VARCHAR(50) CHARACTER SET gbk', values: [...text, "'漢字'"] },
  { name: 'c_utf16', type: 'VARCHAR(50) CHARACTER SET utf16', values: unicode },
  { name: 'c_utf8mb3', type: 'VARCHAR(50) CHARACTER SET utf8mb3', values: [...text, "'漢'"] },
  { name: 'c_varchar', type: 'VARCHAR(300)', values: unicode },
  { name: 'c_bin_coll', type: 'VARCHAR(50) COLLATE utf8mb4_bin', values: unicode },
  { name: 'c_tinytext', type: 'TINYTEXT', values: unicode },
  { name: 'c_text', type: 'TEXT', values: unicode },
  { name: 'c_mediumtext', type: 'MEDIUMTEXT', values: [...unicode, "REPEAT('漢', 70000)"] },
  { name: 'c_longtext', type: 'LONGTEXT', values: unicode },
  { name: 'c_binary', type: 'BINARY(8)', values: bytes },
  { name: 'c_varbinary', type: 'VARBINARY(300)', values: [...bytes, "REPEAT(x'fe', 256)"] },
  { name: 'c_tinyblob', type: 'TINYBLOB', values: bytes },
  { name: 'c_blob', type: 'BLOB', values: bytes },
  { name: 'c_mediumblob', type: 'MEDIUMBLOB', values: [...bytes, "REPEAT(x'00', 66000)"] },
  { name: 'c_longblob', type: 'LONGBLOB', values: bytes },
  { name: 'c_enum', type: "ENUM('a','','b,c','é','it''s')", values: ["'a'", "''", "'b,c'", "'é'", '0', '5'] },
  { name: 'c_set', type: "SET('a','b c','é','d')", values: ["''", "'a,d'", "'é'", '15'] },
  {
    name: 'c_json',
    type: 'JSON',
    values: ["'null'", '\'{"b":1,"a":[1.5,"x\\\\n",true]}\'', "'9007199254740993'", "'[]'", "'1e100'"],
  },
  {
    name: 'c_geometry',
    type: 'GEOMETRY',
    values: ["ST_GeomFromText('LINESTRING(0 0,1 1)')", "ST_GeomFromText('POINT(1 2)', 4326)"],
  },
  { name: 'c_point', type: 'POINT', values: ["ST_GeomFromText('POINT(1.5 -2.25)')"] },
  { name: 'c_virtual', type: 'INT GENERATED ALWAYS AS (v * 2) VIRTUAL', values: [] },
  { name: 'c_stored', type: "VARCHAR(40) GENERATED ALWAYS AS (CONCAT('s', v)) STORED", values: [] },
]

const OWN: Readonly<Record<Flavour, readonly TypedColumn[]>> = {
  mysql: [
    { name: 'c_vector', type: 'VECTOR(3)', values: ["STRING_TO_VECTOR('[1,-2.5,3e-7]')"] },
    { name: 'c_invisible', type: 'INT INVISIBLE', values: ['7'] },
  ],
  mariadb: [
    {
      name: 'c_uuid',
      type: 'UUID',
      values: ["'01234567-89ab-cdef-0123-456789abcdef'", "'00000000-0000-0000-0000-000000000000'"],
    },
    { name: 'c_inet4', type: 'INET4', values: ["'0.0.0.0'", "'255.1.2.3'"] },
    { name: 'c_inet6', type: 'INET6', values: ["'::'", "'fe80::1'", "'::ffff:1.2.3.4'"] },
    { name: 'c_invisible', type: 'INT INVISIBLE', values: ['7'] },
    { name: 'c_compressed', type: 'VARCHAR(300) COMPRESSED', values: unicode },
  ],
}

/** The columns of every_type. */
export function columnTypes(flavour: Flavour): readonly TypedColumn[] {
  return [...COMMON, ...OWN[flavour]]
}
