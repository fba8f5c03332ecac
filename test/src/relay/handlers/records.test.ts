// Handlers over plain rows and records of Kafka.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { testNode } from '../../../../runtime/testing/index.ts'
import { collect } from '../../../../src/connectors/collect/index.ts'
import { changes, type KafkaRecord } from '../../../../src/connectors/kafka/index.ts'
import { type Change, Decimal, fromArray, type Job, job, type ProcessFunction } from '../../../../src/index.ts'
import {
  type HandledAs,
  type HandlerSpec,
  handlers,
  mask,
  project,
  rename,
  route,
  streamOf,
  where,
} from '../../../../src/relay/index.ts'
import { noticeRecord, type RelayedKafka } from '../../../../src/relay/kafka/relayed-kafka.ts'
import { ORDERS, SOURCE, through, told } from '../../connectors/cdc/envelopes/changes.ts'

function jobWith<T>(make: () => ProcessFunction<T, T>): Job {
  return job('handling', (flow) => {
    flow.from('in', fromArray<T>([])).process('handlers', make).to('out', collect<T>([]))
  })
}

const run = <T>(specs: readonly HandlerSpec[], of: HandledAs, records: readonly T[]): Promise<T[]> =>
  through(handlers<T>(specs, { of }), records)

describe('rows', () => {
  it('one handler each, in every way a node is run', async () => {
    const rows = [
      { id: 1n, name: 'a', price: new Decimal('1.50') },
      { id: 2n, name: null, price: new Decimal('1.49') },
      { id: 3n },
    ]
    await testNode(jobWith(where({ column: 'price', '>=': '1.5' }, { of: 'rows' })), 'handlers', {
      input: rows,
      expected: [rows[0]],
    })
    const [first, second, third] = [
      { price: new Decimal('1.50'), id: 1n },
      { price: new Decimal('1.49'), id: 2n },
      { id: 3n },
    ]
    await testNode(jobWith(project({ columns: ['price', 'id'] }, { of: 'rows' })), 'handlers', {
      input: rows,
      expected: [first, second, third],
    })
    await testNode(jobWith(rename({ columns: { name: 'id', id: 'name' } }, { of: 'rows' })), 'handlers', {
      input: rows,
      expected: [
        { name: 1n, id: 'a', price: new Decimal('1.50') },
        { name: 2n, id: null, price: new Decimal('1.49') },
        { name: 3n },
      ],
    })
    await testNode(
      jobWith(mask({ name: { constant: 'x' }, price: { keepLast: 2 }, id: 'null' }, { of: 'rows' })),
      'handlers',
      {
        input: rows,
        expected: [{ id: null, name: 'x', price: '*.5' }, { id: null, name: null, price: '**49' }, { id: null }],
      },
    )
  })

  it('columns that every object has, or __proto__', async () => {
    const row = JSON.parse('{"__proto__":"p","constructor":"c","a":1}') as object
    const other = { a: 2 }
    expect(await run([{ filter: { column: 'constructor', null: false } }], 'rows', [row, other])).toEqual([row])
    expect(await run([{ filter: { column: '__proto__', '=': 'p' } }], 'rows', [row, other])).toEqual([row])
    const renaming = JSON.parse('{"__proto__":"b","a":"__proto__"}') as Record<string, string>
    const [renamed] = await run([{ rename: { columns: renaming } }], 'rows', [row])
    expect(JSON.stringify(renamed)).toBe('{"b":"p","constructor":"c","__proto__":1}')
  })

  it('what is no object has no columns', async () => {
    expect(await run<unknown>([{ filter: { column: 'a', null: true } }], 'rows', ['text', null, [1]])).toEqual([
      'text',
      null,
      [1],
    ])
    const refused = run<unknown>([{ project: { columns: ['a'] } }], 'rows', ['text'])
    await expect(refused).rejects.toThrow('Table "(rows)": handlers[0].project: expected an object with columns')
    const clash = run([{ rename: { columns: { a: 'b' } } }], 'rows', [{ a: 1, b: 2 }])
    await expect(clash).rejects.toThrow('handlers[0].rename.columns: columns "a" and "b" would both be called "b"')
  })
})

describe('masks', () => {
  it('hash with a secret of a variable or a file; alike for whatever type says the same', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mask-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const file = join(folder, 'secret')
    await writeFile(file, 'a secret of many bytes\n')
    process.env.MILLRACE_TEST_MASK = 'a secret of many bytes'
    const rows = [
      { a: 5 },
      { a: 5n },
      { a: '5' },
      { a: new Decimal('5.0') },
      { a: null },
      { a: { b: 5n } },
      { a: new Date(Number.NaN) },
    ]
    const [one, two, three, four, none, object, noTime] = await run<{ a: unknown }>(
      [{ mask: { a: { hash: { env: 'MILLRACE_TEST_MASK' } } } }],
      'rows',
      rows,
    )
    expect([two, three, four]).toEqual([one, one, one])
    expect(one?.a).toMatch(/^[0-9a-f]{64}$/)
    expect(none).toEqual({ a: null })
    expect(new Set([one?.a, object?.a, noTime?.a]).size).toBe(3)
    expect(await run<{ a: unknown }>([{ mask: { a: { hash: { file } } } }], 'rows', rows.slice(0, 1))).toEqual([one])
  })

  it('secrets that are missing or short, by name and never in the message', async () => {
    process.env.MILLRACE_TEST_SHORT = 'hunter2'
    const open = (hash: { env: string } | { file: string }): Promise<unknown> =>
      run([{ mask: { a: { hash } } }], 'rows', [])
    await expect(open({ env: 'MILLRACE_TEST_NONE' })).rejects.toThrow(
      'Option handlers[0].mask.a.hash of handlers: environment variable MILLRACE_TEST_NONE is not set',
    )
    await expect(open({ file: '/nowhere/at/all' })).rejects.toThrow('file /nowhere/at/all cannot be read')
    const error = await open({ env: 'MILLRACE_TEST_SHORT' }).catch((one: Error) => one.message)
    expect(error).toContain('shorter than 16 bytes')
    expect(error).not.toContain('hunter2')
  })

  it('keeps the last characters, whole ones', async () => {
    const masked = await run<{ a: unknown }>([{ mask: { a: { keepLast: 2 } } }], 'rows', [
      { a: 'x😀😀😀' },
      { a: 'ab' },
      { a: '' },
      { a: Uint8Array.of(1, 255) },
    ])
    expect(masked).toEqual([{ a: '**😀😀' }, { a: 'ab' }, { a: '' }, { a: '**ff' }])
  })
})

const kafka = (part: Partial<KafkaRecord>): KafkaRecord => ({
  topic: 'shop.orders',
  partition: 3,
  offset: 17,
  timestampMs: 5,
  key: null,
  value: null,
  headers: [],
  ...part,
})
const jsonRecord = (text: string, part: Partial<KafkaRecord> = {}): KafkaRecord =>
  kafka({ value: Buffer.from(text), ...part })

describe('records of Kafka', () => {
  it('by topic, key, partition, time and headers, their values untouched', async () => {
    const record = kafka({
      key: Buffer.from('k1'),
      value: Buffer.of(0xff),
      headers: [
        ['h', null],
        ['h', Buffer.from('x')],
      ],
    })
    const passes = async (filter: (HandlerSpec & { filter: unknown })['filter']): Promise<boolean> =>
      (await run([{ filter } as HandlerSpec], 'records', [record])).length === 1
    expect(await passes({ field: 'topic', like: 'shop.%' })).toBe(true)
    expect(await passes({ field: 'key', '=': 'k1' })).toBe(true)
    expect(await passes({ field: 'partition', in: [1, 3] })).toBe(true)
    expect(await passes({ field: 'timestampMs', '<': 5 })).toBe(false)
    expect(await passes({ header: 'h', '=': 'x' })).toBe(true)
    expect(await passes({ header: 'g', null: true })).toBe(true)
    const specs: HandlerSpec[] = [
      { rename: { topics: { 'shop.*': 'dw.*', 'x.*': 'y' } } },
      { only: ['dw.*'], rename: { topics: { '*': 'a.*' } } },
    ]
    expect(await run(specs, 'records', [record, kafka({ topic: 'other' })])).toEqual([
      { ...record, topic: 'a.dw.shop.orders' },
      kafka({ topic: 'other' }),
    ])
    const routed = route<KafkaRecord>(
      { rules: [{ when: { field: 'key', '=': 'k1' }, to: '*.first' }], otherwise: null },
      { of: 'records' },
    )
    expect(await through(routed, [record, kafka({})])).toEqual([{ ...record, topic: 'shop.orders.first' }])
  })

  it('of JSON: the value is written anew only where it changed, with all its digits', async () => {
    const text = '{"id":9007199254740993, "price":1.10, "note":"a"}'
    const filter: HandlerSpec = { filter: { column: 'id', '=': '9007199254740993' } }
    const record = jsonRecord(text)
    expect((await run([filter], 'json-records', [record, jsonRecord('{"id":9007199254740992}')]))[0]).toBe(record)
    const [changed] = await run([{ project: { exclude: ['note'] } }], 'json-records', [record])
    expect(changed).toEqual(jsonRecord('{"id":9007199254740993,"price":1.1}'))
    const wrong = run([filter], 'json-records', [jsonRecord('{"id":')])
    await expect(wrong).rejects.toThrow('shop.orders/3:17: not JSON')
    await expect(run([filter], 'json-records', [kafka({ value: Buffer.of(0xff) })])).rejects.toThrow('is not UTF-8')
  })

  it('of JSON: what no handler looks into may be anything', async () => {
    const specs: HandlerSpec[] = [
      { only: ['shop.orders'], filter: { column: 'id', '=': 1 } },
      { only: ['shop.orders'], mask: { id: 'null' } },
      { route: { rules: [{ when: { header: 'kind', '=': 'vip' }, to: '*.vip' }] } },
      { filter: { field: 'key', null: true } },
      { rename: { topics: { 'logs*': 'all-*' } } },
    ]
    const other = kafka({ topic: 'logs', value: Buffer.from('no JSON \xff', 'latin1') })
    const orders = [jsonRecord('{"id":1}'), jsonRecord('{"id":2}')]
    expect(await run(specs, 'json-records', [other, ...orders, { ...other, value: Buffer.alloc(0) }])).toEqual([
      { ...other, topic: 'all-logs' },
      jsonRecord('{"id":null}'),
      { ...other, topic: 'all-logs', value: Buffer.alloc(0) },
    ])
  })

  it('tombstones go wherever what they delete may be', async () => {
    const tombstone = kafka({ key: Buffer.from('k') })
    expect(
      await run([{ filter: { column: 'a', '=': 1 } }, { project: { columns: ['a'] } }], 'json-records', [tombstone]),
    ).toEqual([tombstone])
    expect(await run([{ filter: { field: 'key', '=': 'other' } }], 'json-records', [tombstone])).toEqual([])
    const rules = [
      { when: { column: 'a', '=': 1 }, to: 'one' },
      { when: { column: 'a', '=': 2 }, to: 'two' },
    ]
    const out = await run([{ route: { rules } }], 'json-records', [tombstone])
    expect(out.map(({ topic }) => topic)).toEqual(['one', 'two', 'shop.orders'])
  })

  it('with changes: rows, keys and topics', async () => {
    const format = changes<unknown>()
    const written = (change: Change<unknown>): KafkaRecord => {
      const { key, value } = format.write(change)
      return kafka({ key: Buffer.from(key as string), value: value as Buffer, headers: [['h', Buffer.from('x')]] })
    }
    const row = (id: bigint, status: string): unknown[] => [id, status]
    const base = { before: null, after: null, key: [1n], source: SOURCE }
    const input = [
      told(ORDERS) as Change<unknown>,
      { ...base, op: 'c' as const, after: row(1n, 'paid') },
      { ...base, op: 'u' as const, before: row(1n, 'paid'), after: row(1n, 'sent') },
    ]
    const specs: HandlerSpec[] = [
      { filter: { column: 'status', '=': 'paid' } },
      { rename: { topics: { 'shop.*': 'dw' }, tables: { '*': 'x.*' } } },
    ]
    const renamed = { ...SOURCE, database: 'x' }
    const expected = [
      { ...written(told(ORDERS, renamed)), topic: 'dw' },
      { ...written({ ...(input[1] as Change<unknown>), source: renamed }), topic: 'dw' },
      { ...written({ ...base, op: 'd', before: row(1n, 'paid'), source: renamed }), topic: 'dw' },
    ]
    await testNode(jobWith(handlers<KafkaRecord>(specs, { of: 'change-records' })), 'handlers', {
      input: input.map(written),
      expected,
    })
    const same = written(told(ORDERS))
    expect((await run([specs[0] as HandlerSpec], 'change-records', [same]))[0]).toBe(same)
    const moved = rename<KafkaRecord>({ topics: { 'shop.*': 'dw' } }, { of: 'change-records' })
    expect(await through(moved, [same])).toEqual([{ ...same, topic: 'dw' }])
    await expect(run(specs, 'change-records', [kafka({})])).rejects.toThrow('shop.orders/3:17: no value (a tombstone)')
  })

  it('notices of topics say what becomes of them', async () => {
    const notice = (topic: string): RelayedKafka =>
      noticeRecord('a', { kind: 'topic', topic, partitions: 4, config: {} })
    const topics: HandlerSpec = { rename: { topics: { 'shop.*': 'dw.*' } } }
    for (const of of ['records', 'json-records', 'change-records'] as const)
      expect(await run([topics], of, [notice('shop.a'), notice('x')])).toEqual([notice('dw.shop.a'), notice('x')])
    const columns: HandlerSpec = { filter: { column: 'a', '=': 1 } }
    expect(await run([columns], 'json-records', [notice('shop.a')])).toEqual([notice('shop.a')])
    expect(
      await run([{ filter: { field: 'topic', '=': 'shop.a' } }], 'records', [notice('shop.a'), notice('x')]),
    ).toEqual([notice('shop.a')])
    const spread: HandlerSpec = { route: { rules: [{ when: { field: 'key', '=': 'k' }, to: 'k.*' }] } }
    expect(await run([spread, topics], 'records', [notice('shop.a')])).toEqual([
      notice('k.shop.a'),
      notice('dw.shop.a'),
    ])
  })
})

describe('streamOf', () => {
  it('by columns of rows, tables of changes, topics of records', () => {
    const rows = streamOf<{ a: number }>(
      { rules: [{ when: { column: 'a', '>': 1 }, to: 'big' }], otherwise: 'main' },
      { of: 'rows' },
    )
    expect([rows({ a: 2 }), rows({ a: 1 })]).toEqual(['big', 'main'])
    const tables = streamOf<Change<unknown>>(
      { rules: [{ when: { field: 'table', like: 'ord%' }, to: 'orders' }], otherwise: 'main' },
      { of: 'changes' },
    )
    expect([tables(told(ORDERS)), tables(told(ORDERS, { ...SOURCE, table: 'x' }))]).toEqual(['orders', 'main'])
    const topics = streamOf<KafkaRecord>(
      {
        rules: [
          {
            when: {
              all: [
                { field: 'topic', like: 'shop.%' },
                { header: 'h', null: true },
              ],
            },
            to: 'shop',
          },
        ],
        otherwise: 'main',
      },
      { of: 'records' },
    )
    expect([topics(kafka({})), topics(kafka({ topic: 'x' }))]).toEqual(['shop', 'main'])
  })
})
