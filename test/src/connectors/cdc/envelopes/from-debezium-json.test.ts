// fromDebeziumJson: messages of Debezium itself, and such as nobody can understand.

import { describe, expect, test } from 'vitest'
import { testNode } from '../../../../../runtime/testing/index.ts'
import {
  type EnvelopeInput,
  fromDebeziumJson,
  type MalformedEnvelope,
} from '../../../../../src/connectors/cdc/index.ts'
import { collect } from '../../../../../src/connectors/collect/index.ts'
import { type Change, Decimal, fromArray, job, sideOutput } from '../../../../../src/index.ts'
import { through } from './changes.ts'

const decode = (value: unknown, key: unknown = null, more: Partial<EnvelopeInput> = {}) =>
  through(fromDebeziumJson(), [
    {
      value: typeof value === 'string' ? value : JSON.stringify(value),
      key: key && JSON.stringify(key),
      ...more,
    } as EnvelopeInput,
  ])

const SOURCE = {
  version: '3.0.0.Final',
  connector: 'postgresql',
  name: 'srv',
  ts_ms: 17,
  snapshot: 'last',
  db: 'shop',
  schema: 'public',
  table: 'orders',
  txId: 565,
  lsn: 9,
}
const field = (name: string, type: string, more: object = {}) => ({ field: name, type, optional: true, ...more })
const struct = (name: string, fields: object[]) => ({ type: 'struct', optional: true, field: name, fields })

describe('a message with a schema', () => {
  const columns = [
    field('id', 'int64'),
    field('big', 'int64'),
    field('at', 'int64', { name: 'io.debezium.time.MicroTimestamp' }),
    field('price', 'bytes', { name: 'org.apache.kafka.connect.data.Decimal', parameters: { scale: '2' } }),
    field('raw', 'bytes'),
    field('weight', 'double'),
  ]
  const schema = { type: 'struct', fields: [struct('before', columns), struct('after', columns)] }
  const text = (id: number) =>
    `{"schema":${JSON.stringify(schema)},"payload":{"before":null,"after":{"id":${id},"big":9223372036854775807,"at":1700000000123456,` +
    `"price":"AIA=","raw":"AP8=","weight":1.5},"source":${JSON.stringify(SOURCE)},"op":"r","ts_ms":1,"ts_ns":1700000000000000001}}`
  const expected = (id: bigint) => ({
    op: 'r',
    before: null,
    after: {
      id,
      big: 9223372036854775807n,
      at: 1700000000123456,
      price: new Decimal('1.28'),
      raw: Uint8Array.of(0, 255),
      weight: 1.5,
    },
    key: [id],
    source: {
      connector: 'postgresql',
      database: 'shop',
      table: 'public.orders',
      position: '',
      timestampMs: 17,
      snapshot: true,
      transaction: '565',
    },
  })
  const key = (id: number) =>
    JSON.stringify({ schema: { type: 'struct', fields: [field('id', 'int64')] }, payload: { id } })

  test('gives values as it says, also when the schema was seen before, and then another', async () => {
    const out = await through(fromDebeziumJson(), [
      { value: text(1), key: key(1) },
      { value: text(2), key: key(2) },
      { value: text(3).replaceAll('"field":"id","type":"int64"', '"field":"id","type":"int32"'), key: '{"id":3}' },
      { value: `${text(4).slice(0, -1)},"more":"behind the payload"}`, key: key(4) },
      { value: `${JSON.stringify({ schema, payload: null })}`, key: key(5) },
    ])
    const third = expected(3n)
    expect(out).toEqual([
      expected(1n),
      expected(2n),
      { ...third, after: { ...third.after, id: 3 }, key: [3] },
      expected(4n),
    ])
  })
})

describe('a message without one', () => {
  test('keeps digits that a double has no room for', async () => {
    const numbers = '"a":9007199254740993,"b":0.12345678901234567891,"c":1e400,"d":1.5,"e":7'
    const [change] = await decode(`{"before":null,"after":{${numbers}},"op":"c","source":{}}`)
    expect(change?.after).toEqual({
      a: 9007199254740993n,
      b: new Decimal('0.12345678901234567891'),
      c: new Decimal('1e400'),
      d: 1.5,
      e: 7,
    })
  })

  test('may have no source and no before; a truncation has no rows', async () => {
    const source = { connector: '', database: '', table: '', position: '', timestampMs: 0, snapshot: false }
    expect(await decode({ after: { a: 1 }, op: 'u' })).toEqual([
      { op: 'u', before: null, after: { a: 1 }, key: [], source },
    ])
    expect(await decode({ op: 't', after: {} })).toEqual([{ op: 't', before: null, after: null, key: [], source }])
  })

  test('may have a key of columns called schema and payload', async () => {
    const value = JSON.stringify({ after: { schema: 'a', payload: 1, b: 2 }, op: 'c' })
    const [change] = await through(fromDebeziumJson(), [{ key: '{"schema":"a","payload":1}', value, topic: 't' }])
    expect(change?.key).toEqual(['a', 1])
  })

  test('of a column called __proto__ makes a field, not a prototype', async () => {
    const [change] = await decode('{"after":{"__proto__":{"polluted":1},"b":9007199254740993},"op":"c"}')
    expect(Object.keys(change?.after ?? {})).toEqual(['__proto__', 'b'])
    expect(Object.getPrototypeOf(change?.after)).toBe(Object.prototype)
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })
})

test('Debezium’s own schema changes tell columns; of a table that is gone there are none', async () => {
  const column = {
    name: 'id',
    jdbcType: 3,
    typeName: 'DECIMAL',
    typeExpression: 'DECIMAL',
    length: 10,
    scale: 2,
    optional: false,
  }
  const table = { primaryKeyColumnNames: ['id'], columns: [column, { name: 'n', typeName: 'INT' }] }
  const out = await decode({
    source: { ...SOURCE, schema: null, table: 'orders,gone' },
    ddl: 'ALTER …; DROP …',
    tableChanges: [
      { type: 'ALTER', id: '"shop"."a""b"', table },
      { type: 'DROP', id: '"shop"."gone"', table: null },
    ],
  })
  expect(out).toMatchObject([
    {
      op: 's',
      schema: {
        key: ['id'],
        columns: [
          { name: 'id', type: 'DECIMAL(10,2)', nullable: false, generated: false },
          { name: 'n', type: 'INT', nullable: true },
        ],
      },
      source: { database: 'shop', table: 'a"b' },
    },
  ])
})

test('tombstones and the marks of transactions give nothing', async () => {
  expect(await through(fromDebeziumJson(), [{ value: null, key: '{"id":1}' }])).toEqual([])
  expect(await decode({ status: 'BEGIN', id: '1', event_count: null })).toEqual([])
})

describe('malformed', () => {
  test.each<[unknown, unknown, string]>([
    ['{', null, 'Expected property name'],
    ['[]', null, 'the value is an array: expected an object'],
    [{}, null, 'op of the payload is missing: expected a string'],
    [{ op: 'm' }, null, 'op is "m": expected r, c, u, d or t'],
    [{ op: 'c', after: null }, null, 'after is null: expected an object'],
    [{ op: 'c', after: 5 }, null, 'after is a number: expected an object'],
    [{ op: 'c', after: {}, source: 'x' }, null, 'source is a string: expected an object'],
    [{ op: 'c', after: {} }, [1], 'the key is an array: expected an object'],
    [{ schema: 1, payload: {} }, null, 'the schema is a number: expected an object'],
    [{ schema: null, payload: 1 }, null, 'the payload is a number: expected an object'],
    [{ tableChanges: [{ table: {} }] }, null, 'tableChanges without columns'],
    [{ tableChanges: [{ table: { columns: [{}] } }] }, null, 'name of a column of tableChanges is missing'],
    [
      { schema: { fields: [struct('after', [field('a', 'bytes')])] }, payload: { op: 'c', after: { a: '%' } } },
      null,
      'bytes that are not base64',
    ],
    [
      { schema: { fields: [struct('after', [field('a', 'int64')])] }, payload: { op: 'c', after: { a: 'x' } } },
      null,
      'x is no int64',
    ],
  ])('%j', async (value, key, reason) => {
    await expect(decode(value, key)).rejects.toThrow(`debezium-json:1: ${reason}`)
    await expect(decode(value, key, { topic: 'srv.orders', offset: 12n })).rejects.toThrow(`srv.orders:12: ${reason}`)
  })

  test('goes to a side output, where one is named, and the rest goes on', async () => {
    const malformed = sideOutput<MalformedEnvelope>('malformed')
    const flow = job('decode', (stream) => {
      const changes = stream.from('in', fromArray<EnvelopeInput>([])).process('decode', fromDebeziumJson({ malformed }))
      changes.to('out', collect<Change>([]))
      changes.side(malformed).to('bad', collect<MalformedEnvelope>([]))
    })
    const good = { value: '{"op":"d","before":{"a":1}}' }
    const bad = { value: '{"op":"d","before":1}', topic: 'x' }
    const expected = await through(fromDebeziumJson(), [good, good])
    const reason = 'before is a number: expected an object'
    await testNode(flow, 'decode', {
      input: [good, bad, good],
      expected,
      sides: { malformed: [{ record: bad, reason }] },
    })
  })
})
