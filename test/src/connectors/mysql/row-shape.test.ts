// Rows by every option, from values as a snapshot or the log gives them.

import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { ColumnKind, MysqlColumn, MysqlTable, MysqlValue } from '../../../../src/connectors/mysql/column.ts'
import { keyValues, makeRowShape } from '../../../../src/connectors/mysql/row-shape.ts'
import { DEFAULT_SHAPE, type ShapeOptions, shapeFields } from '../../../../src/connectors/mysql/shape-options.ts'
import { isMillraceError } from '../../../../src/errors.ts'
import { Decimal } from '../../../../src/util/decimal.ts'

const settings = (options: ShapeOptions) => z.strictObject(shapeFields).parse(options)

function column(name: string, type: string, more: Partial<MysqlColumn> = {}): MysqlColumn {
  const [, kind = '', length, scale] = /^(\w+)(?:\((\d+)(?:,(\d+))?\))?/.exec(type) ?? []
  const isTime = /^(time|datetime|timestamp)$/.test(kind)
  return {
    name,
    kind: kind as ColumnKind,
    type,
    unsigned: / unsigned/.test(type),
    nullable: true,
    generated: false,
    invisible: false,
    precision: Number(length ?? 0),
    scale: isTime ? Number(length ?? 0) : Number(scale ?? 0),
    length: /char|binary/.test(kind) ? Number(length ?? 0) : 0,
    charset: /char|text|enum|set/.test(kind) ? 'utf8mb4' : null,
    collation: null,
    labels: [],
    ...more,
  }
}

function table(columns: readonly MysqlColumn[], key: readonly string[] = []): MysqlTable {
  return { database: 'shop', name: 'orders', columns, key }
}

/** What one value of a column of this type becomes. */
function shaped(type: string, value: MysqlValue, options: ShapeOptions, more: Partial<MysqlColumn> = {}): unknown {
  const shape = makeRowShape<unknown[]>(table([column('c', type, more)]), settings({ rows: 'array', ...options }))
  return shape.row([value])[0]
}

function failure(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (isMillraceError(error)) return `${error.code} ${error.message}`
    throw error
  }
  return 'no error'
}

describe('by default', () => {
  const columns = [column('id', 'bigint'), column('at', 'datetime(6)'), column('b', 'varbinary(9)')]
  const values: MysqlValue[] = [1n, '0000-00-00 00:00:00.000000', new Uint8Array([1])]

  test('rows are objects in column order', () => {
    const row = makeRowShape<Record<string, unknown>>(table(columns), DEFAULT_SHAPE).row(values)
    expect(row).toEqual({ id: 1n, at: '0000-00-00 00:00:00.000000', b: new Uint8Array([1]) })
    expect(Object.keys(row)).toEqual(['id', 'at', 'b'])
    expect(Object.getPrototypeOf(row)).toBe(Object.prototype)
  })

  test('-0 in an array row is text, which keeps its sign on the way from thread to thread', () => {
    const doubles = table([column('id', 'int'), column('d', 'double'), column('f', 'float')])
    const { row } = makeRowShape<unknown[]>(doubles, settings({ rows: 'array' }))
    expect([row([0, -0, -0]), row([-0, 0, null]), row([1, -1.5, 2])]).toEqual([
      [0, '-0', '-0'],
      [-0, 0, null],
      [1, -1.5, 2],
    ])
  })

  test('an array row is the array of values itself', () => {
    expect(makeRowShape(table(columns), settings({ rows: 'array' })).row(values)).toBe(values)
  })

  test('any column name is a field, but __proto__', () => {
    const names = ['constructor', 'toString', 'a.b', '', '1', 'hasOwnProperty', 'prototype']
    const shape = makeRowShape<Record<string, unknown>>(table(names.map((name) => column(name, 'int'))), DEFAULT_SHAPE)
    const row = shape.row(names.map((_, index) => index))
    for (const [index, name] of names.entries()) expect(row[name]).toBe(index)
    expect(Object.keys(row)).toHaveLength(names.length)
    const proto = table([column('__proto__', 'int')])
    expect(failure(() => makeRowShape(proto, DEFAULT_SHAPE))).toMatch(
      /^SCHEMA_MISMATCH .*shop\.orders.*__proto__.*rows: 'array'/,
    )
    expect(makeRowShape(proto, settings({ rows: 'array' })).row([1])).toEqual([1])
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })
})

describe('numbers', () => {
  test.each<[string, MysqlValue, ShapeOptions, unknown]>([
    ['bigint', 1n, {}, 1n],
    ['bigint unsigned', 18446744073709551615n, { bigints: 'string' }, '18446744073709551615'],
    ['bigint', -9007199254740991n, { bigints: 'number' }, -9007199254740991],
    ['bigint', null, { bigints: 'number' }, null],
    ['int unsigned', 4294967295, { bigints: 'string' }, 4294967295],
    ['decimal(65,30)', '0.100000000000000000000000000000', {}, '0.100000000000000000000000000000'],
    ['decimal(10,2)', '-1.50', { decimals: 'decimal' }, new Decimal('-1.5')],
    ['decimal(10,2)', '0.10', { decimals: 'number' }, 0.1],
    ['tinyint(1)', 2, { tinyint1: 'boolean' }, true],
    ['tinyint(1)', 0, { tinyint1: 'boolean' }, false],
    ['tinyint(1)', 1, {}, 1],
    ['tinyint(4)', 1, { tinyint1: 'boolean' }, 1],
    ['tinyint(1)', null, { tinyint1: 'boolean' }, null],
    ['year', 0, {}, 0],
  ])('%s %s by %o', (type, value, options, expected) => {
    expect(shaped(type, value, options)).toEqual(expected)
  })

  test('an integer that no number holds is an error that names table and column', () => {
    const message = failure(() => shaped('bigint', 9007199254740993n, { bigints: 'number' }))
    expect(message).toMatch(/^SCHEMA_MISMATCH .*"shop\.orders".*"c".*9007199254740993.*bigints/)
  })

  test('year(2) is refused', () => {
    expect(failure(() => shaped('year(2)', 70, {}))).toMatch(/SCHEMA_MISMATCH .*"c".*year\(4\)/)
  })
})

const UTC = { temporal: 'date' } as const
const NOON = Date.UTC(2024, 1, 29, 12, 34, 56)
const micros = (ms: number, more = 0): bigint => BigInt(ms) * 1000n + BigInt(more)

describe('dates and times', () => {
  test.each<[string, string, ShapeOptions['temporal'], unknown]>([
    ['date', '2024-02-29', 'text', '2024-02-29'],
    ['date', '2024-02-29', 'date', new Date('2024-02-29T00:00:00Z')],
    ['date', '0001-01-01', 'date', new Date('0001-01-01T00:00:00Z')],
    ['date', '0000-03-01', 'date', new Date('0000-03-01T00:00:00Z')],
    ['date', '9999-12-31', 'date', new Date('9999-12-31T00:00:00Z')],
    ['date', '1970-01-02', 'adaptive_time_microseconds', 1],
    ['date', '1969-12-31', 'connect', -1],
    ['date', '0001-01-01', 'microseconds', -719162],
    ['date', '2024-02-29', 'nanoseconds', 19782],
    ['date', '2024-02-29', 'isostring', '2024-02-29Z'],
    ['time', '-838:59:59', 'date', '-838:59:59'],
    ['time(6)', '-838:59:59.000000', 'adaptive_time_microseconds', -3020399000000],
    ['time(6)', '838:59:58.999999', 'microseconds', 3020398999999],
    ['time(3)', '-00:00:00.001', 'microseconds', -1000],
    ['time', '00:00:00', 'microseconds', 0],
    ['time(6)', '12:34:56.789012', 'nanoseconds', 45296789012000],
    ['time(6)', '12:34:56.789012', 'connect', 45296789],
    ['time(6)', '12:34:56.789000', 'isostring', '12:34:56.789Z'],
    ['time', '12:34:50', 'isostring', '12:34:50Z'],
    ['time(6)', '12:34:50.000000', 'isostring', '12:34:50Z'],
    ['datetime', '2024-02-29 12:34:56', 'date', new Date(NOON)],
    ['datetime(3)', '2024-02-29 12:34:56.789', 'date', new Date(NOON + 789)],
    ['datetime(6)', '2024-02-29 12:34:56.789000', 'date', new Date(NOON + 789)],
    ['datetime', '2024-02-29 12:34:56', 'adaptive_time_microseconds', NOON],
    ['datetime(3)', '2024-02-29 12:34:56.789', 'adaptive_time_microseconds', NOON + 789],
    ['datetime(4)', '2024-02-29 12:34:56.7891', 'adaptive_time_microseconds', micros(NOON + 789, 100)],
    ['datetime(6)', '0001-01-01 00:00:00.000001', 'adaptive_time_microseconds', -62135596799999999n],
    ['datetime(6)', '9999-12-31 23:59:59.999999', 'microseconds', 253402300799999999n],
    ['datetime(6)', '1969-12-31 23:59:59.999999', 'connect', -1],
    ['datetime(6)', '1969-12-31 23:59:59.999999', 'nanoseconds', -1000n],
    ['datetime', '2024-02-29 12:34:56', 'nanoseconds', micros(NOON) * 1000n],
    ['datetime(6)', '2024-02-29 12:34:56.120000', 'isostring', '2024-02-29T12:34:56.12Z'],
    ['datetime', '2024-02-29 12:34:50', 'isostring', '2024-02-29T12:34:50Z'],
    ['timestamp', '2038-01-19 03:14:07', 'date', new Date('2038-01-19T03:14:07Z')],
    ['timestamp', '2024-02-29 12:34:56', 'connect', '2024-02-29T12:34:56Z'],
    ['timestamp(3)', '2024-02-29 12:34:56.100', 'adaptive_time_microseconds', '2024-02-29T12:34:56.100Z'],
    ['timestamp(6)', '2024-02-29 12:34:56.000000', 'isostring', '2024-02-29T12:34:56.000000Z'],
  ])('%s %s as %s', (type, value, temporal, expected) => {
    expect(shaped(type, value, temporal === undefined ? {} : { temporal })).toEqual(expected)
    expect(shaped(type, null, temporal === undefined ? {} : { temporal })).toBeNull()
  })

  test.each([
    ['datetime(6)', '2024-02-29 12:34:56.789001', UTC, /12:34:56.789001.*microseconds.*text/],
    ['timestamp(6)', '2024-02-29 12:34:56.000001', UTC, /microseconds/],
    ['time', '24:00:00', { temporal: 'connect' }, /24:00:00.*no time of a day/],
    ['time', '-00:00:01', { temporal: 'isostring' }, /-00:00:01.*no time of a day/],
    ['date', '0000-00-00', UTC, /0000-00-00.*no calendar.*zeroDates/],
    ['datetime', '2024-02-30 00:00:00', UTC, /2024-02-30.*no calendar/],
    ['timestamp', '0000-00-00 00:00:00', { temporal: 'connect', zeroDates: 'error' }, /no calendar/],
  ] as const)('%s %s by %o is an error', (type, value, options, message) => {
    const told = failure(() => shaped(type, value, options))
    expect(told).toMatch(/^SCHEMA_MISMATCH .*"shop\.orders".*"c"/)
    expect(told).toMatch(message)
  })

  test.each<[string, string, ShapeOptions, boolean, unknown]>([
    ['date', '0000-00-00', { ...UTC, zeroDates: 'null' }, false, null],
    ['date', '2024-00-10', { ...UTC, zeroDates: 'epoch' }, true, new Date(0)],
    ['datetime(3)', '0000-00-00 00:00:00.000', { ...UTC, zeroDates: 'text' }, true, '0000-00-00 00:00:00.000'],
    ['date', '0000-00-00', { temporal: 'connect' }, true, null],
    ['date', '0000-00-00', { temporal: 'connect' }, false, 0],
    ['datetime(6)', '2024-02-00 00:00:00.000000', { temporal: 'microseconds' }, false, 0n],
    ['timestamp(3)', '0000-00-00 00:00:00.000', { temporal: 'isostring' }, false, '1970-01-01T00:00:00.000Z'],
    ['date', '0000-00-00', { zeroDates: 'null' }, true, '0000-00-00'],
  ])('%s %s by %o, nullable: %s', (type, value, options, nullable, expected) => {
    expect(shaped(type, value, options, { nullable })).toEqual(expected)
  })

  test.each([
    ['Europe/Berlin', '2024-03-31 00:59:59.5', '2024-03-31 01:59:59.5'],
    ['Europe/Berlin', '2024-03-31 01:00:00.0', '2024-03-31 03:00:00.0'],
    ['Europe/Berlin', '2024-10-27 00:59:59.9', '2024-10-27 02:59:59.9'],
    ['Europe/Berlin', '2024-10-27 01:00:00.0', '2024-10-27 02:00:00.0'],
    ['America/New_York', '2024-03-10 07:00:00.0', '2024-03-10 03:00:00.0'],
    ['Australia/Lord_Howe', '2024-10-05 15:30:00.0', '2024-10-06 02:30:00.0'],
    ['Asia/Kathmandu', '1970-01-01 00:00:01.0', '1970-01-01 05:30:01.0'],
    ['Asia/Kathmandu', '2024-01-01 00:00:00.0', '2024-01-01 05:45:00.0'],
    ['UTC', '2024-01-01 00:00:00.0', '2024-01-01 00:00:00.0'],
    ['Europe/Berlin', '0000-00-00 00:00:00.0', '0000-00-00 00:00:00.0'],
  ])('the text of a timestamp in %s: %s is %s', (timeZone, utc, local) => {
    expect(shaped('timestamp(1)', utc, { timeZone })).toBe(local)
  })

  test.each([
    ['Europe/Berlin', '2024-07-01 12:00:00', '2024-07-01T10:00:00Z'],
    ['Europe/Berlin', '2024-03-31 02:30:00', '2024-03-31T01:30:00Z'],
    ['Europe/Berlin', '2024-10-27 02:30:00', '2024-10-27T00:30:00Z'],
    ['America/New_York', '2024-11-03 01:30:00', '2024-11-03T05:30:00Z'],
    ['America/New_York', '2024-11-03 02:00:00', '2024-11-03T07:00:00Z'],
    ['Australia/Lord_Howe', '2024-04-07 01:45:00', '2024-04-06T14:45:00Z'],
    ['Europe/Berlin', '0001-01-01 00:53:28', '0001-01-01T00:00:00Z'],
  ])('a datetime of %s: %s is the instant %s', (timeZone, local, utc) => {
    expect(shaped('datetime', local, { temporal: 'date', timeZone })).toEqual(new Date(utc))
  })

  test('instants survive the way to the text of any zone and back', () => {
    const zones = fc.constantFrom(
      'Europe/Berlin',
      'America/St_Johns',
      'Pacific/Chatham',
      'Asia/Tehran',
      'Africa/Casablanca',
    )
    const instant = fc.integer({ min: 1, max: 2 ** 31 - 1 })
    fc.assert(
      fc.property(zones, instant, (timeZone, seconds) => {
        const utc = new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')
        const local = shaped('timestamp', utc, { timeZone }) as string
        const back = shaped('datetime', local, { temporal: 'date', timeZone }) as Date
        // The later one of an hour that comes twice is read as the earlier.
        expect([0, 1800, 3600]).toContain(seconds - back.getTime() / 1000)
        expect(shaped('timestamp', back.toISOString().slice(0, 19).replace('T', ' '), { timeZone })).toBe(local)
      }),
    )
  })

  test('a zone that does not exist is refused', () => {
    expect(() => settings({ timeZone: 'Mars/Olympus' })).toThrow(/time zone/)
  })
})

describe('json and bytes', () => {
  test.each<[string, MysqlValue, ShapeOptions, unknown]>([
    ['json', '{"a": 18446744073709551615}', {}, '{"a": 18446744073709551615}'],
    [
      'json',
      '{"a": [18446744073709551615, 9007199254740991, 1.5]}',
      { json: 'parse' },
      { a: [18446744073709551615n, 9007199254740991, 1.5] },
    ],
    ['json', 'null', { json: 'parse' }, null],
    ['blob', new Uint8Array([0, 255, 254]), { binary: 'hex' }, '00fffe'],
    ['blob', new Uint8Array([0, 255, 254]).subarray(1), { binary: 'base64' }, '//4='],
    ['bit(9)', new Uint8Array([1, 255]), { binary: 'hex' }, '01ff'],
    ['geometry', new Uint8Array([1]), { binary: 'base64' }, 'AQ=='],
    ['vector(1)', null, { binary: 'hex' }, null],
  ])('%s %s by %o', (type, value, options, expected) => {
    expect(shaped(type, value, options)).toEqual(expected)
  })

  test('JSON that is none is an error', () => {
    expect(failure(() => shaped('json', '{', { json: 'parse' }))).toMatch(/^SCHEMA_MISMATCH .*"c".*json to 'text'/)
  })
})

describe('columns', () => {
  const people = table(
    [
      column('id', 'int'),
      column('mail', 'varchar(20)'),
      column('name', 'text'),
      column('age', 'int'),
      column('full', 'varchar(9)', { generated: true }),
    ],
    ['id'],
  )
  const values = [7, 'anna@example.org', 'a😀bc', 30, null]
  const row = (columns: NonNullable<ShapeOptions['columns']>, rows: 'object' | 'array' = 'object') =>
    makeRowShape(people, settings({ columns, rows })).row(values)
  const sha256 = createHash('sha256').update('saltanna@example.org').digest('hex')

  test.each<[NonNullable<ShapeOptions['columns']>, unknown]>([
    [{ include: ['shop.orders.mail'] }, { id: 7, mail: 'anna@example.org' }],
    [{ exclude: ['*.orders.name', '*.a?e'] }, { id: 7, mail: 'anna@example.org', full: null }],
    [
      { include: ['shop.*'], exclude: ['shop.orders.[a-z]*'] },
      { id: 7, mail: 'anna@example.org', name: 'a😀bc', age: 30, full: null },
    ],
    [{ include: ['Shop.Orders.MAIL'] }, { id: 7, mail: 'anna@example.org' }],
    [{ include: ['other.*'] }, { id: 7 }],
    [
      { include: ['*.mail'], mask: { '*.mail': { chars: 3 } } },
      { id: 7, mail: '***' },
    ],
    [
      { include: ['*.mail'], mask: { '*.mail': { salt: 'salt' } } },
      { id: 7, mail: sha256 },
    ],
    [
      { include: ['*.name'], mask: { '*.name': { truncate: 2 } } },
      { id: 7, name: 'a😀' },
    ],
    [
      { include: ['*.full'], mask: { '*.full': { chars: 3 } } },
      { id: 7, full: null },
    ],
  ])('%o', (columns, expected) => {
    expect(row(columns)).toEqual(expected)
    expect(row(columns, 'array')).toEqual(Object.values(expected as object))
  })

  test('the schema tells the columns that are left, and no definition of others', () => {
    const extra = {
      definition: 'CREATE TABLE …',
      renames: new Map([['age', { renamedFrom: 'years', formerNames: ['years'] }]]),
    }
    const all = makeRowShape(people, DEFAULT_SHAPE, extra).schema
    expect(all.columns[3]).toEqual({
      name: 'age',
      type: 'int',
      nullable: true,
      generated: false,
      renamedFrom: 'years',
      formerNames: ['years'],
    })
    expect(all.columns[4]?.generated).toBe(true)
    expect(all).toMatchObject({ key: ['id'], definition: 'CREATE TABLE …' })
    const some = makeRowShape(
      people,
      settings({ columns: { exclude: ['*.age', '*.full'], mask: { '*.mail': { salt: 's' } } } }),
      extra,
    ).schema
    expect(some.columns.map(({ name, type }) => `${name} ${type}`)).toEqual(['id int', 'mail varchar(64)', 'name text'])
    expect(some.definition).toBeUndefined()
  })

  test.each<[NonNullable<ShapeOptions['columns']>, RegExp]>([
    [{ exclude: ['shop.orders.*'] }, /"id".*primary key/],
    [{ mask: { '*.id': { chars: 1 } } }, /"id".*primary key/],
    [{ mask: { '*.age': { chars: 1 } } }, /"age".*only text/],
  ])('%o is refused', (columns, message) => {
    const told = failure(() => row(columns))
    expect(told).toMatch(/^SCHEMA_MISMATCH .*"shop\.orders"/)
    expect(told).toMatch(message)
  })
})

describe('keys', () => {
  const keyed = table(
    [
      column('v', 'int'),
      column('b', 'binary(2)'),
      column('id', 'bigint'),
      column('d', 'date'),
      column('t', 'tinyint(1)'),
    ],
    ['id', 'b', 'd', 't'],
  )
  const values: MysqlValue[] = [1, new Uint8Array([0, 255]), 9n, '2024-01-01', 1]

  test.each<[ShapeOptions, unknown[]]>([
    [{}, [9n, '00ff', '2024-01-01', 1]],
    [{ bigints: 'number', temporal: 'date', binary: 'base64', tinyint1: 'boolean' }, [9, '00ff', '2024-01-01', true]],
    [{ bigints: 'string', rows: 'array' }, ['9', '00ff', '2024-01-01', 1]],
  ])('by %o, and back', (options, expected) => {
    const key = makeRowShape(keyed, settings(options)).key(values)
    expect(key).toEqual(expected)
    expect(keyValues(keyed, key)).toEqual([9n, new Uint8Array([0, 255]), '2024-01-01', 1])
  })

  test('a table without a key has an empty one', () => {
    expect(makeRowShape(table([column('a', 'int')]), DEFAULT_SHAPE).key([1])).toEqual([])
  })
})
