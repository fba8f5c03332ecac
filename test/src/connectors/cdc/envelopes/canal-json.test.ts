// canalJson and fromCanalJson: canal's flat messages.

import { describe, expect, test } from 'vitest'
import { testNode } from '../../../../../runtime/testing/index.ts'
import { canalJson, type EnvelopeRecord, fromCanalJson } from '../../../../../src/connectors/cdc/index.ts'
import { collect } from '../../../../../src/connectors/collect/index.ts'
import { type Change, fromArray, job } from '../../../../../src/index.ts'
import { ORDERS, SOURCE, schemaOf, through, told } from './changes.ts'

const change = (part: Partial<Change<unknown>>): Change<unknown> => ({
  op: 'c',
  before: null,
  after: null,
  key: [],
  source: SOURCE,
  ...part,
})

const envelope = job('envelope', (flow) => {
  flow
    .from('changes', fromArray<Change<unknown>>([]))
    .process('envelope', canalJson({ name: 'srv' }))
    .to('out', collect<EnvelopeRecord>([]))
})

const paid = { id: 1n, status: 'paid' }
const sent = { id: 1n, status: null }
const moved = { id: 18446744073709551615n, status: null }

function message(id: number, key: string | null, part: object): EnvelopeRecord {
  const whole = {
    data: null,
    database: 'shop',
    es: SOURCE.timestampMs,
    gtid: 'a1:7',
    id,
    isDdl: false,
    mysqlType: { id: 'bigint', status: 'varchar(20)' },
    pkNames: ['id'],
    sqlType: { id: -5, status: 12 },
    old: null,
    sql: '',
    table: 'orders',
    ts: 0,
    type: '',
    ...part,
  }
  return { topic: 'srv.shop.orders', key, value: JSON.stringify(whole), headers: {} }
}

test('each change is one message of strings, numbered also across restores', async () => {
  await testNode(envelope, 'envelope', {
    input: [
      told({ ...ORDERS, definition: 'CREATE TABLE orders (…)' }),
      change({ op: 'r', after: paid, key: [1n] }),
      change({ op: 'u', before: paid, after: sent, key: [1n] }),
      change({ op: 'u', before: sent, after: moved, key: [18446744073709551615n], oldKey: [1n] }),
      change({ op: 'd', before: moved, key: [18446744073709551615n] }),
      change({ op: 't' }),
    ],
    expected: [
      message(1, null, { isDdl: true, sql: 'CREATE TABLE orders (…)', type: 'CREATE' }),
      message(2, '{"id":1}', { data: [{ id: '1', status: 'paid' }], type: 'INSERT' }),
      message(3, '{"id":1}', { data: [{ id: '1', status: null }], old: [{ status: 'paid' }], type: 'UPDATE' }),
      message(4, '{"id":18446744073709551615}', {
        data: [{ id: '18446744073709551615', status: null }],
        old: [{ id: '1' }],
        type: 'UPDATE',
      }),
      message(5, '{"id":18446744073709551615}', {
        data: [{ id: '18446744073709551615', status: null }],
        type: 'DELETE',
      }),
      message(6, null, { isDdl: true, sql: 'TRUNCATE TABLE shop.orders', type: 'TRUNCATE' }),
    ],
  })
})

test('an update of a row of other columns has all of them in old, and one without a before none', async () => {
  const schema = schemaOf(['a'], ['a', 'int'], ['b', 'int'])
  const out = await through(canalJson(), [
    told(schema),
    change({ op: 'u', before: { b: 1 }, after: { a: 1, b: 1 }, key: [1] }),
    change({ op: 'u', before: null, after: { b: 1, a: 2 }, key: [2] }),
  ])
  expect(out.slice(1).map(({ value }) => (JSON.parse(String(value)) as { old: unknown }).old)).toEqual([
    [{ b: '1' }],
    null,
  ])
})

test('columns that nobody told are asked for', async () => {
  await expect(through(canalJson(), [change({ after: paid, key: [1n] })])).rejects.toThrow(
    'Table "shop.orders": nothing told its columns: set schemaChanges: true of its source',
  )
  expect(() => canalJson({ name: '' })).toThrow('Option name of canalJson')
})

test.each([
  ['tinyint unsigned', 5],
  ['smallint', 5],
  ['mediumint', 4],
  ['int unsigned', -5],
  ['bigint unsigned', 3],
  ['decimal(5,2)', 3],
  ['float', 7],
  ['double', 8],
  ['bit(8)', -7],
  ['year', 12],
  ['date', 91],
  ['time(6)', 92],
  ['datetime(6)', 93],
  ['char(3)', 1],
  ['varchar(3)', 12],
  ['text', 2005],
  ['blob', 2004],
  ["enum('a')", 4],
  ["set('a')", -7],
  ['json', 12],
  ['', 12],
  ['constructor', 12],
])('%s is %d of java.sql.Types', async (type, number) => {
  const [one] = await through(canalJson(), [told(schemaOf([], ['v', type]))])
  expect(JSON.parse(String(one?.value))).toMatchObject({ sqlType: { v: number }, pkNames: null })
})

describe('fromCanalJson', () => {
  const base = {
    database: 'shop',
    table: 'orders',
    es: 5,
    type: 'INSERT',
    data: [{ id: '1' }],
    mysqlType: { id: 'int' },
    pkNames: ['id'],
  }
  const decode = (part: object) => through(fromCanalJson(), [{ value: JSON.stringify({ ...base, ...part }) }])

  test('a message of many rows gives them in order', async () => {
    const out = await decode({
      type: 'UPDATE',
      data: [
        { id: '1', n: 'a' },
        { id: '2', n: null },
      ],
      old: [{ n: 'b' }, { id: '3' }],
    })
    const source = {
      connector: 'canal',
      database: 'shop',
      table: 'orders',
      position: '',
      timestampMs: 5,
      snapshot: false,
    }
    expect(out).toEqual([
      { op: 'u', before: { id: 1, n: 'b' }, after: { id: 1, n: 'a' }, key: [1], source },
      { op: 'u', before: { id: 3, n: null }, after: { id: 2, n: null }, key: [2], oldKey: [3], source },
    ])
  })

  test('DDL gives nothing, nor does a tombstone; without types values are strings', async () => {
    expect(await decode({ type: 'ALTER', isDdl: true, data: null })).toEqual([])
    expect(await through(fromCanalJson(), [{ value: null }])).toEqual([])
    expect(await decode({ mysqlType: null, pkNames: null })).toMatchObject([{ after: { id: '1' }, key: [] }])
  })

  test.each([
    [{ type: undefined }, 'type of the message is missing: expected a string'],
    [{ type: 'INDEX' }, 'type is "INDEX": expected INSERT, UPDATE or DELETE'],
    [{ type: 'constructor' }, 'type is "constructor"'],
    [{ data: null }, 'data is null: expected an array'],
    [{ data: ['x'] }, 'an entry of data is a string: expected an object'],
    [{ data: [{ id: 'x' }] }, 'column "id" is "x": expected a number'],
    [{ data: [{ id: 'x' }], mysqlType: { id: 'bigint' } }, 'column "id" is "x": expected an integer'],
    [{ data: [{ id: '%' }], mysqlType: { id: 'blob' } }, 'bytes that are not base64'],
    [{ database: 5 }, 'database of the message is a number: expected a string'],
  ])('%j is malformed', async (part, reason) => {
    await expect(decode(part)).rejects.toThrow(`canal-json:1: ${reason}`)
  })
})
