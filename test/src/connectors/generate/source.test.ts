import { describe, expect, test } from 'vitest'
import { type GenerateOptions, generate } from '../../../../src/connectors/generate/index.ts'
import type { Rng } from '../../../../src/util/rng.ts'
import { readWithRestores, SourceDriver } from '../../../support/source-driver.ts'

const draw = (index: number, rng: Rng): string => `${index}:${rng.int(1_000_000)}:${rng.next()}`
const sorted = (records: readonly string[]): string[] =>
  [...records].sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))

async function all<T>(options: GenerateOptions<T>, parallelism = 1): Promise<T[]> {
  return (await new SourceDriver(generate(options), { parallelism }).start()).take()
}

test('record i depends on the seed and i alone: not on parallelism, splits or the size of reads', async () => {
  const expected = await all({ count: 500, make: draw })
  expect(expected).toHaveLength(500)
  expect(expected[0]?.startsWith('0:')).toBe(true)
  expect(sorted(await all({ count: 500, make: draw, splits: 7 }, 3))).toEqual(expected)
  expect(sorted(await all({ count: 500, make: draw }, 4))).toEqual(expected)
  expect(await all({ count: 500, make: draw, seed: 2 })).not.toEqual(expected)
})

test('drawing more or less for one record changes nothing for the next', async () => {
  const greedy = (index: number, rng: Rng): number => {
    for (let i = 0; i < index % 5; i += 1) rng.next()
    return index === 9 ? rng.next() : 0
  }
  const modest = (index: number, rng: Rng): number =>
    index === 9 ? ([rng.next(), rng.next(), rng.next(), rng.next(), rng.next()].at(-1) ?? 0) : 0
  expect((await all({ count: 10, make: greedy }))[9]).toBe((await all({ count: 10, make: modest }))[9])
})

test('positions are exact: restored after each few records, on other parallelisms, nothing is lost or repeated', async () => {
  const make = () => generate({ count: 100, make: draw, splits: 3 })
  const expected = await all({ count: 100, make: draw })
  for (const piece of [1, 7, 33]) {
    expect(sorted(await readWithRestores(make, piece, { parallelisms: [1, 2, 3, 5] }))).toEqual(expected)
  }
})

test('a rate is kept, and begins with a record at once', async () => {
  const driver = await new SourceDriver(generate({ perSecond: 100, make: (index) => index })).start()
  const [reader] = driver.readers
  expect(await reader?.poll(1_000)).toMatchObject({ values: [0] })
  expect(await reader?.poll(1_000)).toBe('idle')
  driver.clock.advance(1_000)
  expect(await reader?.poll(1_000)).toMatchObject({ values: Array.from({ length: 100 }, (_, i) => i + 1) })
  expect(await reader?.poll(1_000)).toBe('idle')
})

test('time in which nobody took records is not made up for beyond a second', async () => {
  const driver = await new SourceDriver(generate({ perSecond: 100, make: (index) => index })).start()
  driver.clock.advance(60_000)
  const taken: unknown[] = []
  for (;;) {
    const polled = await driver.readers[0]?.poll(1_000)
    if (polled === 'idle' || polled === 'end' || polled === undefined) break
    taken.push(...polled.values)
  }
  expect(taken.length).toBeLessThanOrEqual(101)
  expect(taken.length).toBeGreaterThanOrEqual(100)
})

test('waiting for the rate ends by the clock', async () => {
  const driver = await new SourceDriver(generate({ count: 20, perSecond: 100, make: (index) => index })).start()
  expect(await driver.take()).toEqual([...Array(20).keys()])
  expect(driver.clock.now()).toBeGreaterThanOrEqual(1_000_000 + 190)
})

test('count tells whether it ends', () => {
  expect(generate({ make: draw }).boundedness).toBe('unbounded')
  expect(generate({ make: draw, count: 0 }).boundedness).toBe('bounded')
})

describe('options that make no sense are refused by name', () => {
  test.each<[Partial<GenerateOptions<string>>, string]>([
    [{ count: -1 }, 'Option count of generate: -1 is not a whole number from 0'],
    [{ perSecond: 0 }, 'Option perSecond of generate: 0 is not a number above 0'],
    [{ seed: 0.5 }, 'Option seed of generate'],
    [{ splits: 0 }, 'Option splits of generate'],
    [{ make: 'x' as never }, 'Option make of generate: expected a function (index, rng) => record'],
  ])('%j', (options, message) => {
    expect(() => generate({ make: draw, ...options })).toThrow(message)
  })
})
