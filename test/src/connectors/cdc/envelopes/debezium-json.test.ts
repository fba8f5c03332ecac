// debeziumJson: what messages each change makes, in every way in which the node is run.

import { describe, expect, test } from 'vitest'
import { testNode } from '../../../../../runtime/testing/index.ts'
import { type DebeziumJsonOptions, debeziumJson, type EnvelopeRecord } from '../../../../../src/connectors/cdc/index.ts'
import { collect } from '../../../../../src/connectors/collect/index.ts'
import { type Change, Decimal, fromArray, job } from '../../../../../src/index.ts'
import { ORDERS, SOURCE, schemaOf, through, told } from './changes.ts'

const envelope = (options: Partial<DebeziumJsonOptions> = {}) =>
  job('envelope', (flow) => {
    flow
      .from('changes', fromArray<Change<unknown>>([]))
      .process('envelope', debeziumJson({ name: 'srv', ...options }))
      .to('out', collect<EnvelopeRecord>([]))
  })

const BLOCK = {
  version: 'millrace-1',
  connector: 'mysql',
  name: 'srv',
  ts_ms: 1_700_000_000_123,
  ts_us: 1_700_000_000_123_000,
  // As the text says it; a double would end in 024.
  ts_ns: '1700000000123000000',
  snapshot: 'false',
  db: 'shop',
  sequence: null,
  table: 'orders',
  server_id: 0,
  gtid: 'a1:7',
  file: 'binlog.000012',
  pos: 4567,
  row: 0,
  thread: null,
  query: null,
  position: null,
}

/** A message as a test writes it down: the clock of testNode stands at 0. */
function message(key: unknown, value: object | null, headers: Record<string, string> = {}): EnvelopeRecord {
  const rest = { source: BLOCK, transaction: null }
  const text = (part: unknown): string => JSON.stringify(part).replace(/"(\d{19})"/, '$1')
  const { op, ...rows } = (value ?? {}) as { op?: string }
  return {
    topic: 'srv.shop.orders',
    key: key === null ? null : JSON.stringify(key),
    value: value === null ? null : text({ ...rows, ...rest, op, ts_ms: 0, ts_us: 0, ts_ns: 0 }),
    headers,
  }
}

const change = (part: Partial<Change<unknown>>): Change<unknown> => ({
  op: 'c',
  before: null,
  after: null,
  key: [],
  source: SOURCE,
  ...part,
})

const paid = { id: 1, status: 'paid' }
const sent = { id: 1, status: 'sent' }
const moved = { id: 2, status: 'sent' }

const HISTORY: readonly Change<unknown>[] = [
  told(ORDERS),
  change({ op: 'r', after: paid, key: [1], source: { ...SOURCE, snapshot: true } }),
  change({ op: 'c', after: paid, key: [1] }),
  change({ op: 'u', before: paid, after: sent, key: [1] }),
  change({ op: 'u', before: sent, after: moved, key: [2], oldKey: [1] }),
  change({ op: 'd', before: moved, key: [2] }),
  change({ op: 't' }),
]

const MESSAGES: readonly EnvelopeRecord[] = [
  message({ id: 1 }, { before: null, after: paid, op: 'c' }),
  message({ id: 1 }, { before: paid, after: sent, op: 'u' }),
  message({ id: 1 }, { before: sent, after: null, op: 'd' }, { '__debezium.newkey': '{"id":2}' }),
  message({ id: 1 }, null),
  message({ id: 2 }, { before: null, after: moved, op: 'c' }, { '__debezium.oldkey': '{"id":1}' }),
  message({ id: 2 }, { before: moved, after: null, op: 'd' }),
  message({ id: 2 }, null),
  message(null, { before: null, after: null, op: 't' }),
]
const [created] = MESSAGES as [EnvelopeRecord]
const read = {
  ...created,
  value: String(created.value).replace('"snapshot":"false"', '"snapshot":"true"').replace('"op":"c"', '"op":"r"'),
}

const arrays = (changes: readonly Change<unknown>[]): Change<unknown>[] =>
  changes.map((one) => ({
    ...one,
    before: one.before && Object.values(one.before),
    after: one.after && Object.values(one.after),
  }))

describe('messages', () => {
  test.each([
    ['objects', HISTORY],
    ['arrays', arrays(HISTORY)],
  ])('of every op, a key that changed, tombstones; rows as %s', async (_form, input) => {
    await testNode(envelope({ schemaChanges: false }), 'envelope', { input, expected: [read, ...MESSAGES] })
  })

  test('tombstones can be left out', async () => {
    const expected = MESSAGES.filter(({ value }) => value !== null)
    await testNode(envelope({ schemaChanges: false, tombstones: false }), 'envelope', {
      input: HISTORY.filter(({ op }) => op !== 'r'),
      expected,
    })
  })

  test('of a table without a key have none, and a delete no tombstone', async () => {
    const after = { a: 1 }
    const history = [
      told(schemaOf([], ['a', 'int'])),
      change({ after, key: [77] }),
      change({ op: 'd', before: after, key: [77] }),
    ]
    const out = await through(debeziumJson({ name: 'srv', schemaChanges: false }), history)
    expect(out.map(({ key, value }) => [key, (JSON.parse(String(value)) as { op: string }).op])).toEqual([
      [null, 'c'],
      [null, 'd'],
    ])
  })

  test('a source without a binary log says its place and transaction in its own words', async () => {
    const source = { ...SOURCE, connector: 'sqlite', position: '17', database: 'a b.db' }
    const [one] = await through(debeziumJson({ name: 'srv' }), [change({ after: { a: 1 }, source })])
    expect(one?.topic).toBe('srv.a_b.db.orders')
    const block = (JSON.parse(String(one?.value)) as { source: object }).source
    expect(block).toMatchObject({ connector: 'sqlite', db: 'a b.db', txId: 'a1:7', position: '17' })
    expect(block).not.toHaveProperty('file')
  })

  test('columns that are told make a record of the topic of schema changes', async () => {
    const schema = { ...ORDERS, definition: 'CREATE TABLE orders (…)' }
    const [one] = await through(debeziumJson({ name: 'srv' }), [told(schema)])
    expect(one).toMatchObject({ topic: 'srv', key: '{"databaseName":"shop"}' })
    expect(JSON.parse(String(one?.value))).toMatchObject({
      databaseName: 'shop',
      ddl: 'CREATE TABLE orders (…)',
      tableChanges: [
        {
          id: '"shop"."orders"',
          table: {
            primaryKeyColumnNames: ['id'],
            columns: [
              { name: 'id', typeName: 'BIGINT', jdbcType: -5, optional: false },
              { name: 'status', typeName: 'VARCHAR', typeExpression: 'varchar(20)', length: 20, position: 2 },
            ],
          },
        },
      ],
    })
  })
})

/** The row of the only message that these changes make. */
async function rowText(value: unknown, type: string, options: Partial<DebeziumJsonOptions> = {}): Promise<string> {
  const history = [told(schemaOf([], ['v', type])), change({ after: { v: value } })]
  const [one] = await through(debeziumJson({ name: 'srv', schemaChanges: false, ...options }), history)
  return /"after":\{"v":([\s\S]*?)\},"source"/.exec(String(one?.value))?.[1] ?? ''
}

describe('values', () => {
  test.each([
    [18446744073709551615n, 'bigint unsigned', '18446744073709551615'],
    [1.2345678901234567e20, 'double', '1.2345678901234567e+20'],
    [-0, 'double', '-0'],
    [5e-324, 'double', '5e-324'],
    [true, 'bool', 'true'],
    [undefined, 'int', 'null'],
    ['a"\u2028\ud800', 'text', '"a\\"\u2028\\ud800"'],
    [Uint8Array.of(0, 255), 'blob', '"AP8="'],
    [new Decimal('1.10'), 'decimal(5,2)', '"1.1"'],
    [{ a: [1n, null] }, 'json', '"{\\"a\\":[1,null]}"'],
    [new Date(86_400_000 * 3 - 1), 'date', '2'],
    [new Date(1234), 'datetime', '1234'],
  ])('%s of %s', async (value, type, text) => {
    expect(await rowText(value, type)).toBe(text)
  })

  test.each([
    ['number', '12345678901234567890.10', 'decimal(30,2)', '12345678901234567890.1'],
    ['number', new Decimal('0.000000001'), 'numeric(20,9)', '0.000000001'],
    ['precise', '0', 'decimal(5,2)', '"AA=="'],
    ['precise', '1.28', 'decimal(5,2)', '"AIA="'],
    ['precise', '-1.28', 'decimal(5,2)', '"gA=="'],
    ['precise', new Decimal('-1.29'), 'decimal(5,2)', '"/38="'],
    ['precise', '7', 'decimal(5)', '"Bw=="'],
    ['precise', '7', 'varchar(5)', '"7"'],
  ] as const)('decimals: %s: %s of %s', async (decimals, value, type, text) => {
    expect(await rowText(value, type, { decimals })).toBe(text)
  })

  test.each([
    [Number.NaN, 'string', 'NaN, which JSON has no number for'],
    [new Decimal('NaN'), 'number', 'NaN, which JSON has no number for'],
    [new Decimal('1.234'), 'precise', '1.234, which has more than the declared 2 digits behind the point'],
    [() => 1, 'string', 'a function, which JSON cannot say'],
    [new Date(Number.NaN), 'string', 'an invalid Date'],
  ] as const)('%s is refused with its table and column', async (value, decimals, reason) => {
    await expect(rowText(value, 'decimal(5,2)', { decimals })).rejects.toThrow(
      `Table "shop.orders": column "v" holds ${reason}`,
    )
  })
})

describe('schemas', () => {
  const types = async (type: string, values: readonly unknown[], options: Partial<DebeziumJsonOptions> = {}) => {
    const history = [told(schemaOf([], ['v', type])), ...values.map((v) => change({ after: { v } }))]
    const out = await through(debeziumJson({ name: 'srv', schemas: true, schemaChanges: false, ...options }), history)
    const last = JSON.parse(String(out.at(-1)?.value)) as { schema: { fields: { field: string; fields: object[] }[] } }
    const [field] = last.schema.fields.find(({ field }) => field === 'after')?.fields ?? []
    return field
  }
  test.each([
    ['tinyint(1)', [1], 'int16', undefined],
    ['smallint unsigned', [1], 'int32', undefined],
    ['int', [1], 'int32', undefined],
    ['int unsigned', [1], 'int64', undefined],
    ['integer', [1, 2 ** 40, 1], 'int64', undefined],
    ['', [1, 1.5, 1], 'double', undefined],
    ['float', [1.5], 'float', undefined],
    ['bigint', [null], 'int64', undefined],
    ['blob', [null], 'bytes', undefined],
    ['double', [null], 'double', undefined],
    ['bool', [null], 'boolean', undefined],
    ['json', ['{}'], 'string', 'io.debezium.data.Json'],
    ['json', [{}], 'string', 'io.debezium.data.Json'],
    ["enum('a','b(1)')", ['a'], 'string', 'io.debezium.data.Enum'],
    ['year', [1999], 'int32', 'io.debezium.time.Year'],
    ['date', [19000], 'int64', undefined],
    ['date', ['2024-01-01'], 'string', undefined],
    ['timestamp', [new Date(0)], 'int64', 'io.debezium.time.Timestamp'],
    ['date', [new Date(0)], 'int32', 'io.debezium.time.Date'],
    ['constructor', ['x'], 'string', undefined],
  ])('%s with %s', async (declared, values, type, name) => {
    const field = await types(declared, values)
    expect(field).toMatchObject({ type, optional: true, field: 'v' })
    expect((field as { name?: string }).name).toBe(name)
  })

  test.each<[Exclude<DebeziumJsonOptions['temporal'], undefined>, string, unknown, string, string | undefined]>([
    ['adaptive_time_microseconds', 'date', 19000, 'int32', 'io.debezium.time.Date'],
    ['adaptive_time_microseconds', 'time(6)', 5, 'int64', 'io.debezium.time.MicroTime'],
    ['adaptive_time_microseconds', 'datetime(3)', 5, 'int64', 'io.debezium.time.Timestamp'],
    ['adaptive_time_microseconds', 'datetime(6)', null, 'int64', 'io.debezium.time.MicroTimestamp'],
    ['adaptive_time_microseconds', 'timestamp(6)', '2024-01-01T00:00:00Z', 'string', 'io.debezium.time.ZonedTimestamp'],
    ['adaptive_time_microseconds', 'date', '0000-00-00', 'string', undefined],
    ['connect', 'time(3)', 5, 'int32', 'org.apache.kafka.connect.data.Time'],
    ['connect', 'datetime', 2 ** 40, 'int64', 'org.apache.kafka.connect.data.Timestamp'],
    ['microseconds', 'datetime', 2 ** 40, 'int64', 'io.debezium.time.MicroTimestamp'],
    ['nanoseconds', 'time', 5, 'int64', 'io.debezium.time.NanoTime'],
    ['isostring', 'datetime', '2024-01-01T00:00:00Z', 'string', 'io.debezium.time.IsoTimestamp'],
    ['isostring', 'int', 5, 'int32', undefined],
  ])('times as %s: %s', async (temporal, declared, value, type, name) => {
    const field = await types(declared, [value], { temporal })
    expect(field).toMatchObject({ type })
    expect((field as { name?: string }).name).toBe(name)
  })

  test('decimals as bytes say their scale', async () => {
    expect(await types('decimal(10,2)', ['1.5'], { decimals: 'precise' })).toEqual({
      type: 'bytes',
      name: 'org.apache.kafka.connect.data.Decimal',
      version: 1,
      parameters: { scale: '2', 'connect.decimal.precision': '10' },
      optional: true,
      field: 'v',
    })
  })

  test('a NULL in a column that is declared to have none makes it optional', async () => {
    const row = { id: 1, status: null }
    const schema = { ...ORDERS, columns: ORDERS.columns.map((one) => ({ ...one, nullable: false })) }
    const out = await through(debeziumJson({ name: 'srv', schemas: true }), [
      told(schema),
      change({ after: row, key: [1] }),
    ])
    const { schema: key, payload } = JSON.parse(String(out[1]?.key)) as { schema: object; payload: object }
    expect(payload).toEqual({ id: 1 })
    expect(key).toMatchObject({
      name: 'srv.shop.orders.Key',
      fields: [{ type: 'int64', optional: false, field: 'id' }],
    })
    expect(out[1]?.value).toContain('"optional":true,"field":"status"')
  })
})

describe('transactions', () => {
  const of = (transaction: string, table = 'orders'): Change<unknown> =>
    change({ after: { a: 1 }, source: { ...SOURCE, table, transaction } })
  const block = (id: string, total: number, inTable: number) => ({
    id,
    total_order: total,
    data_collection_order: inTable,
  })
  const blocks = (out: readonly EnvelopeRecord[]): unknown[] =>
    out.map(({ value }) => (JSON.parse(String(value)) as { transaction: unknown }).transaction)
  const input = [of('t1'), of('t1', 'lines'), of('t1'), of('t2', 'lines'), of('t2', '__proto__'), of('t2', '__proto__')]
  const expected = [
    block('t1', 1, 1),
    block('t1', 2, 1),
    block('t1', 3, 2),
    block('t2', 1, 1),
    block('t2', 2, 1),
    block('t2', 3, 2),
  ]

  test('each change says where it stands; both changes of a key that moved', async () => {
    expect(blocks(await through(debeziumJson({ name: 'srv', transactions: true }), input))).toEqual(expected)
    const out = await through(debeziumJson({ name: 'srv', transactions: true, tombstones: false }), [
      told(ORDERS),
      change({ op: 'u', before: paid, after: moved, key: [2], oldKey: [1] }),
    ])
    expect(blocks(out.slice(1))).toEqual([block('a1:7', 1, 1), block('a1:7', 2, 2)])
  })

  test('counts go on after a restore', async () => {
    const flow = job('orders', (stream) => {
      stream
        .from('changes', fromArray<Change<unknown>>([]))
        .process('envelope', debeziumJson({ name: 'srv', transactions: true }))
        .map('block', ({ value }) => value)
        .to('out', collect<string | null>([]))
    })
    const messages = await through(debeziumJson({ name: 'srv', transactions: true }), input)
    // The clock of through() stands elsewhere.
    const at0 = messages.map((one) => ({
      ...one,
      value: String(one.value).replace(/"ts_ms":1000000,.*$/, '"ts_ms":0,"ts_us":0,"ts_ns":0}'),
    }))
    await testNode(flow, 'envelope', { input, expected: at0 })
  })

  test('any subtask goes on with a transaction, also after two restores, with the later count', () => {
    const make = debeziumJson({ name: 'srv', transactions: true })
    const saved = (fn: ReturnType<typeof make>, restored: readonly unknown[], changes: readonly Change<unknown>[]) => {
      const out: EnvelopeRecord[] = []
      const collector = { emit: (one: EnvelopeRecord) => void out.push(one), emitAt: () => {}, side: () => {} }
      fn.restoreState?.(restored)
      void fn.open({ subtask: 0, clock: { now: () => 0 } } as never)
      for (const one of changes) fn.process(one, { timestamp: undefined }, collector)
      return { state: fn.snapshotState?.(), blocks: blocks(out) }
    }
    const first = saved(make(), [], [of('t1'), of('t1')])
    const idle = saved(make(), [first.state], [])
    const busy = saved(make(), [first.state], [of('t1')])
    expect(busy.blocks).toEqual([block('t1', 3, 3)])
    const last = saved(make(), [idle.state, busy.state], [of('t1')])
    expect(last.blocks).toEqual([block('t1', 4, 4)])
  })
})

describe('refuses', () => {
  test('options that it does not know', () => {
    expect(() => debeziumJson({ name: '' })).toThrow('Option name of debeziumJson')
    expect(() => debeziumJson({ name: 'a', decimals: 'double' as 'string' })).toThrow('Option decimals of debeziumJson')
  })

  test.each([
    ['keys', { after: paid, key: [1] }, 'nothing told the columns of its key: set schemaChanges: true of its source'],
    [
      'arrays',
      { after: [1] },
      'its rows are arrays, and nothing told its columns: set schemaChanges: true of its source',
    ],
  ])('%s of a table whose columns nobody told', async (_what, part, reason) => {
    await expect(through(debeziumJson({ name: 'srv' }), [change(part)])).rejects.toThrow(
      `Table "shop.orders": ${reason}`,
    )
  })

  test('an array that does not fit the columns', async () => {
    await expect(
      through(debeziumJson({ name: 'srv' }), [told(ORDERS), change({ after: [1], key: [1] })]),
    ).rejects.toThrow('Table "shop.orders": a row has 1 values for 2 columns')
  })
})

test('columns of a restore: its own first, then what others were told last', async () => {
  const save = async (subtask: number, schema: Change<unknown>['schema'], source = SOURCE): Promise<unknown> => {
    const fn = debeziumJson({ name: 'srv' })()
    void fn.open({ subtask, clock: { now: () => 0 } } as never)
    fn.process(
      told(schema ?? ORDERS, source),
      { timestamp: undefined },
      { emit: () => {}, emitAt: () => {}, side: () => {} },
    )
    return fn.snapshotState?.()
  }
  const older = await save(1, schemaOf(['a'], ['a', 'int']), { ...SOURCE, timestampMs: 1 })
  const later = await save(2, schemaOf(['b'], ['b', 'int']), { ...SOURCE, timestampMs: 2 })
  const own = await save(0, schemaOf(['c'], ['c', 'int']), { ...SOURCE, timestampMs: 0 })
  const keyAfter = async (states: readonly unknown[]): Promise<string | null | undefined> =>
    (await through(debeziumJson({ name: 'srv' }), [change({ after: [5], key: [5] })], states))[0]?.key
  expect(await keyAfter([older, later])).toBe('{"b":5}')
  expect(await keyAfter([later, older])).toBe('{"b":5}')
  expect(await keyAfter([older, own, later])).toBe('{"c":5}')
})
