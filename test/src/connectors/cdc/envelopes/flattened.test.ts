// flattened: rows alone, and what becomes of those that are gone.

import { expect, test } from 'vitest'
import { testNode } from '../../../../../runtime/testing/index.ts'
import { type EnvelopeRecord, type FlattenedOptions, flattened } from '../../../../../src/connectors/cdc/index.ts'
import { collect } from '../../../../../src/connectors/collect/index.ts'
import { type Change, fromArray, job } from '../../../../../src/index.ts'
import { ORDERS, SOURCE, through, told } from './changes.ts'

const rows = (options: Partial<FlattenedOptions>) =>
  job('rows', (flow) => {
    flow
      .from('changes', fromArray<Change<unknown>>([]))
      .process('rows', flattened({ name: 'srv', ...options }))
      .to('out', collect<EnvelopeRecord>([]))
  })

const change = (part: Partial<Change<unknown>>): Change<unknown> => ({
  op: 'c',
  before: null,
  after: null,
  key: [],
  source: SOURCE,
  ...part,
})

const INPUT = [
  told(ORDERS),
  change({ after: [1, 'paid'], key: [1] }),
  change({ op: 'u', before: [1, 'paid'], after: [2, 'paid'], key: [2], oldKey: [1] }),
  change({ op: 'd', before: [2, 'paid'], key: [2] }),
  change({ op: 't' }),
]

const record = (id: number, value: string | null): EnvelopeRecord => ({
  topic: 'srv.shop.orders',
  key: `{"id":${id}}`,
  value,
  headers: {},
})

test.each<[Partial<FlattenedOptions>, EnvelopeRecord[]]>([
  [{ deleted: 'drop' }, [record(1, '{"id":1,"status":"paid"}'), record(2, '{"id":2,"status":"paid"}')]],
  [
    {},
    [record(1, '{"id":1,"status":"paid"}'), record(1, null), record(2, '{"id":2,"status":"paid"}'), record(2, null)],
  ],
  [
    { deleted: 'field', fields: ['op'] },
    [
      record(1, '{"id":1,"status":"paid","__op":"c","__deleted":"false"}'),
      record(1, '{"id":1,"status":"paid","__op":"u","__deleted":"true"}'),
      record(2, '{"id":2,"status":"paid","__op":"u","__deleted":"false"}'),
      record(2, '{"id":2,"status":"paid","__op":"d","__deleted":"true"}'),
    ],
  ],
])('%j', async (options, expected) => {
  await testNode(rows(options), 'rows', { input: INPUT, expected })
})

test('fields say where a row is from', async () => {
  const fields = ['db', 'table', 'ts_ms', 'position', 'transaction'] as const
  const [row] = await through(flattened({ name: 'srv', fields }), [change({ after: {} })])
  expect(JSON.parse(String(row?.value))).toEqual({
    __db: 'shop',
    __table: 'orders',
    __ts_ms: SOURCE.timestampMs,
    __position: SOURCE.position,
    __transaction: 'a1:7',
  })
  const { transaction: _, ...source } = SOURCE
  const [other] = await through(flattened({ name: 'srv', fields }), [change({ after: {}, source })])
  expect(other?.value).toContain('"__transaction":null')
})

test('refuses what it does not know', () => {
  expect(() => flattened({ name: 'a', deleted: 'x' as 'drop' })).toThrow('Option deleted of flattened')
})
