// The lookup join: order, rows and none, what is asked how often, the cache, failures.

import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { at, testJob, testNode } from '../../../runtime/testing/index.ts'
import { collect } from '../../../src/connectors/collect/index.ts'
import { fromArray, job } from '../../../src/index.ts'
import { type AnyLookupJoinOptions, LookupJoinOperator } from '../../../src/operators/lookup-join.ts'
import { LruCache } from '../../../src/operators/lru-cache.ts'
import { FakeService, settled } from '../../support/fake-service.ts'
import { OperatorDriver } from '../../support/operator-driver.ts'

const drivers: OperatorDriver[] = []
afterEach(async () => {
  for (const driver of drivers.splice(0)) await driver.operator.close?.()
})

/** Joins numbers: the key is the number's last digit, of 9 there is no row. */
const key = (value: unknown): number => (value as number) % 10
const row = (value: unknown, found: unknown): string => `${value}:${found ?? 'none'}`

class Table {
  asked: number[][] = []
  /** By key. What is not here is `row K`. */
  readonly rows = new Map<number, string | undefined>([[9, undefined]])

  readonly lookup = async (one: unknown): Promise<string | undefined> => this.#rowsOf([one as number])[0]
  readonly lookupMany = async (keys: readonly unknown[]): Promise<(string | undefined)[]> =>
    this.#rowsOf(keys as readonly number[])

  #rowsOf(keys: readonly number[]): (string | undefined)[] {
    this.asked.push([...keys])
    return keys.map((one) => (this.rows.has(one) ? this.rows.get(one) : `row ${one}`))
  }
}

async function open(options: AnyLookupJoinOptions): Promise<OperatorDriver> {
  const driver = await new OperatorDriver(new LookupJoinOperator('lookup', options, row), { node: 'lookup' }).open()
  drivers.push(driver)
  return driver
}

const cache = { entriesMax: 2, ttlMs: 100 }

test('each key of a batch is asked about once; records come out in order, those without a row not', async () => {
  const table = new Table()
  const driver = await open({ key, lookupMany: table.lookupMany })
  await driver.push([11, 2, 21, 9, 1], { timestamps: [1, 2, 3, 4, 5] })
  expect(table.asked).toEqual([[1, 2, 9]])
  expect(driver.out.byOutput.get('')).toEqual(
    [
      ['11:row 1', 1],
      ['2:row 2', 2],
      ['21:row 1', 3],
      ['1:row 1', 5],
    ].map(([value, timestamp]) => ({ value, timestamp, key: undefined })),
  )
})

test('left: a record without a key or a row comes out alone', async () => {
  const table = new Table()
  const driver = await open({
    key: (value) => (value === 5 ? undefined : value === 6 ? null : key(value)),
    type: 'left',
    lookup: table.lookup,
  })
  await driver.push([5, 6, 9, 1])
  expect(driver.out.values()).toEqual(['5:none', '6:none', '9:none', '1:row 1'])
  expect(table.asked).toEqual([[9], [1]])
})

test('no more keys at once than allowed, no more calls side by side than allowed', async () => {
  const table = new Table()
  const many = await open({ key, lookupMany: table.lookupMany, keysMax: 2 })
  await many.push([1, 2, 3, 4, 5])
  expect(table.asked).toEqual([[1, 2], [3, 4], [5]])

  const service = new FakeService<unknown>()
  const one = await open({ key, lookup: service.call, concurrency: 2 })
  const pushing = one.push([1, 2, 3, 4, 5])
  while (one.out.values().length === 0) {
    service.answer(service.open.length - 1)
    await settled()
  }
  await pushing
  expect(service.most).toBe(2)
  expect(one.out.values()).toEqual([1, 2, 3, 4, 5].map((n) => `${n}:answer of ${n}`))
})

describe('the cache', () => {
  test('spares questions until it is full or they are old', async () => {
    const table = new Table()
    const driver = await open({ key, lookupMany: table.lookupMany, cache })
    await driver.push([1, 2])
    await driver.push([1])
    expect(driver.counters.get('lookupCacheHits')).toBe(1)
    await driver.push([3])
    await driver.push([1])
    await driver.push([2])
    driver.clock.advance(100)
    await driver.push([2])
    expect(table.asked).toEqual([[1, 2], [3], [2], [2]])
    expect(driver.counters.get('lookupsAsked')).toBe(5)
  })

  test('a batch with more keys than it holds has all its rows', async () => {
    const table = new Table()
    const driver = await open({ key, lookupMany: table.lookupMany, cache })
    await driver.push([1, 2])
    await driver.push([1, 2, 3, 4, 5, 1])
    expect(driver.out.values().slice(2)).toEqual([1, 2, 3, 4, 5, 1].map((n) => `${n}:row ${n}`))
  })

  test.each([
    [undefined, [[9]]],
    [false, [[9], [9]]],
  ])('remembers that there is no row, unless told otherwise (%s)', async (negative, asked) => {
    const table = new Table()
    const options = negative === undefined ? cache : { ...cache, negative }
    const driver = await open({ key, lookupMany: table.lookupMany, cache: options })
    await driver.push([9])
    await driver.push([9])
    expect(table.asked).toEqual(asked)
  })

  test('is as a model that looks through a list', () => {
    const acts = fc.array(
      fc.oneof(
        fc.record({ set: fc.nat(5) }),
        fc.record({ get: fc.nat(5) }),
        fc.record({ pass: fc.integer({ min: 1, max: 30 }) }),
      ),
      { maxLength: 60 },
    )
    fc.assert(
      fc.property(acts, fc.integer({ min: 1, max: 4 }), (script, entriesMax) => {
        let now = 0
        let model: { readonly key: number; readonly value: number; readonly at: number }[] = []
        const real = new LruCache<number, number>({ entriesMax, ttlMs: 50, now: () => now })
        for (const [i, act] of script.entries()) {
          if ('pass' in act) now += act.pass
          else if ('set' in act) {
            real.set(act.set, i)
            model = [...model.filter((one) => one.key !== act.set), { key: act.set, value: i, at: now }].slice(
              -entriesMax,
            )
          } else {
            const found = model.find((one) => one.key === act.get && now - one.at < 50)
            expect(real.has(act.get)).toBe(found !== undefined)
            expect(real.get(act.get)).toBe(found?.value)
            model = model.filter((one) => one.key !== act.get)
            if (found !== undefined) model.push(found)
          }
          expect(real.size).toBeLessThanOrEqual(entriesMax)
        }
      }),
    )
  })
})

describe('failures', () => {
  test('asked again, then told with what was asked', async () => {
    const service = new FakeService<unknown>()
    const driver = await open({ key, lookup: service.call, retry: { attempts: 2, delayMs: 10 } })
    const pushing = driver.push([1])
    await settled()
    service.fail(new Error('busy'))
    await settled()
    driver.clock.advance(10)
    await settled()
    service.fail(new Error('gone'))
    await expect(pushing).rejects.toThrow('Node "lookup" threw on the lookup of key 1: gone')
  })

  test('an answer of another length is refused', async () => {
    const driver = await open({ key, lookupMany: async () => ['only one'] })
    await expect(driver.push([1, 2])).rejects.toThrow(
      /Node "lookup" threw on the lookup of 2 keys: lookupMany answered 1 rows to 2 keys/,
    )
  })

  test('what the key function or the row function throws is told with the record', async () => {
    const table = new Table()
    const keyless = await open({
      key: () => {
        throw new Error('no key')
      },
      lookup: table.lookup,
    })
    await expect(keyless.push([7])).rejects.toThrow('Node "lookup" threw on 7: no key')
    const operator = new LookupJoinOperator('lookup', { key, lookup: table.lookup }, () => {
      throw new Error('no row')
    })
    const rowless = await new OperatorDriver(operator, { node: 'lookup' }).open()
    await expect(rowless.push([7])).rejects.toThrow('Node "lookup" threw on 7: no row')
  })

  test('close gives up on what is under way', async () => {
    const service = new FakeService<unknown>()
    const driver = await open({ key, lookup: service.call })
    const pushing = driver.push([1])
    await settled()
    await driver.operator.close?.()
    await expect(pushing).rejects.toThrow('node "lookup" is closed')
    expect(service.open[0]?.signal.aborted).toBe(true)
  })
})

test.each([
  [{ cache: { entriesMax: 0, ttlMs: 1 } }, /Option cache.entriesMax from node "lookup"/],
  [{ cache: { entriesMax: 1, ttlMs: 0 } }, /Option cache.ttlMs from node "lookup"/],
  [{ concurrency: 0 }, /Option concurrency from node "lookup"/],
  [{ timeoutMs: 0 }, /Option timeoutMs from node "lookup"/],
])('options %j are refused where they are written', (options, message) => {
  const refused = job('refused', (flow) => {
    const lookup = async (n: number): Promise<number> => n
    flow
      .from('numbers', fromArray([1]))
      .lookupJoin('lookup', { key: (n) => n, lookup, ...options }, (n) => n)
      .to('out', collect<number>([]))
  })
  expect(() => refused.build({ settings: {}, dataDir: '', mode: 'stream' })).toThrow(message)
})

const numbers = Array.from({ length: 40 }, (_, n) => n)
const looking = (out: string[]) =>
  job('looking', (flow) => {
    const table = new Table()
    flow
      .from('numbers', fromArray(numbers))
      .lookupJoin('lookup', { key, lookupMany: table.lookupMany, cache: { entriesMax: 5, ttlMs: 1_000 } }, row)
      .to('out', collect(out))
  })

test('however the node is run', async () => {
  const expected = numbers.filter((n) => n % 10 !== 9).map((n) => at(n, `${n}:row ${n % 10}`))
  await testNode(looking([]), 'lookup', { input: numbers.map((n) => at(n, n)), expected })
})

test('in jobs, through throws, at several parallelisms', async () => {
  await testJob(looking, {
    expected: numbers.filter((n) => n % 10 !== 9).map((n) => `${n}:row ${n % 10}`),
    faults: [{ node: 'lookup', record: 9 }],
    parallelism: [1, 3],
  })
})
