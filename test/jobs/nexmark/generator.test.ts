// The generator against the digests of the reference, and its parts against what they are to be.

import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ExactDraws, FastDraws } from '../../../jobs/nexmark/generator/draws.ts'
import type { AuctionEvent } from '../../../jobs/nexmark/generator/events.ts'
import { JavaRandom } from '../../../jobs/nexmark/generator/java-random.ts'
import { eventMaker } from '../../../jobs/nexmark/generator/make-event.ts'
import { houseOf } from './models.ts'

const full = process.env.MILLRACE_FULL === '1'

function eventsOf(make: (n: number) => AuctionEvent, count: number): AuctionEvent[] {
  return Array.from({ length: count }, (_, n) => make(n))
}

/** As all engines write it: which event it is goes without saying. */
function lineOf(event: AuctionEvent): string {
  return JSON.stringify(event, (name, value) => (name === 'number' ? undefined : value))
}

/** java.util.Random by its definition, in whole numbers of any length. */
class RandomModel {
  #state: bigint

  constructor(seed: bigint) {
    this.#state = (seed ^ 0x5deece66dn) & ((1n << 48n) - 1n)
  }

  int(below: number): number {
    for (;;) {
      const bits = this.#bits(31)
      if ((below & (below - 1)) === 0) return Number((BigInt(below) * bits) >> 31n)
      const drawn = bits % BigInt(below)
      if (bits - drawn + BigInt(below - 1) < 1n << 31n) return Number(drawn)
    }
  }

  next(): number {
    return Number((this.#bits(26) << 27n) + this.#bits(27)) / 2 ** 53
  }

  #bits(count: number): bigint {
    this.#state = (this.#state * 0x5deece66dn + 0xbn) & ((1n << 48n) - 1n)
    return this.#state >> BigInt(48 - count)
  }
}

describe('JavaRandom', () => {
  test('draws what Java draws', () => {
    const random = new JavaRandom()
    random.seed(42)
    expect([100, 100, 100, 100].map((below) => random.int(below))).toEqual([30, 63, 48, 84])
    random.seed(42)
    expect(random.next()).toBe(0.7275636800328681)
    random.seed(Number.MAX_SAFE_INTEGER)
    expect([1_610_612_737, 1_610_612_737, 64].map((below) => random.int(below))).toEqual([577_549_913, 943_952_225, 0])
  })

  test('draws what its definition says, from any seed', () => {
    // Bounds close to 2^31 are those of which many draws are thrown away.
    const below = fc.oneof(fc.integer({ min: 1, max: 20_000 }), fc.integer({ min: 2 ** 30 - 9, max: 2 ** 31 - 1 }))
    const draws = fc.array(fc.option(below), { maxLength: 30 })
    fc.assert(
      fc.property(fc.maxSafeNat(), draws, (seed, bounds) => {
        const random = new JavaRandom()
        random.seed(seed)
        const model = new RandomModel(BigInt(seed))
        for (const bound of bounds) {
          if (bound === null) expect(random.next()).toBe(model.next())
          else expect(random.int(bound)).toBe(model.int(bound))
        }
      }),
    )
  })
})

describe('the exact generator', () => {
  const sums = [
    [1_000, 'fd6e0d2abffb61a94bec8ba6a5aeade5e4ab94dcb3b342df1a3434bf20d729bb'],
    [100_000, '54dcdc8a8ae1c65e8184e4a359600cae437672d745479631951a4f9f4709dcc8'],
    [1_000_000, 'ca15e62c015c53be15d9f568165a9a6a58f895603fdcb7ac26281f6452597eb5'],
  ] as const

  test.each(full ? sums : sums.slice(0, 2))('makes %i events as the reference does', (count, expected) => {
    const make = eventMaker(new ExactDraws())
    const hash = createHash('sha256')
    for (let n = 0; n < count; n += 1) hash.update(`${lineOf(make(n))}\n`)
    expect(hash.digest('hex')).toBe(expected)
  })
})

describe.each([
  ['exact', () => new ExactDraws()],
  ['fast', () => new FastDraws(3)],
] as const)('events of the %s generator', (_name, draws) => {
  test('are the same in whatever order they are made', () => {
    const make = eventMaker(draws())
    const inOrder = eventsOf(make, 500)
    const again = eventMaker(draws())
    for (let n = 499; n >= 0; n -= 1) expect(again(n)).toEqual(inOrder[n])
    fc.assert(fc.property(fc.maxSafeNat(), (n) => void expect(again(n)).toEqual(make(n))))
  })

  test('are spread as they are to be', () => {
    const { persons, auctions, bids } = houseOf(eventsOf(eventMaker(draws()), 100_000))
    expect([persons.length, auctions.length, bids.length]).toEqual([2_000, 6_000, 92_000])
    const share = <T>(all: readonly T[], holds: (one: T) => boolean): number => all.filter(holds).length / all.length
    expect(share(bids, ({ auction }) => auction % 100 === 0)).toBeCloseTo(0.505, 1)
    expect(share(bids, ({ bidder }) => bidder % 100 === 1)).toBeCloseTo(0.7525, 1)
    expect(share(bids, ({ channel }) => !channel.startsWith('channel-'))).toBeCloseTo(0.5, 1)
    expect(share(bids, ({ price }) => price < 100_000)).toBeCloseTo(0.5, 1)
    expect(share(auctions, ({ category }) => category === 14)).toBeCloseTo(0.2, 1)
    for (const { price } of bids) expect(price >= 100 && price <= 100_000_000 && Number.isInteger(price)).toBe(true)
    for (const a of auctions) expect(a.expires > a.dateTime && a.reserve > a.initialBid).toBe(true)
    for (const { creditCard } of persons) expect(creditCard).toMatch(/^\d{4}( \d{4}){3}$/)
    expect(new Set(persons.map(({ id }) => id)).size).toBe(2_000)
    expect(new Set(auctions.map(({ id }) => id)).size).toBe(6_000)
  })
})

test('another seed of the fast generator makes other events', () => {
  const drawn = [1, 2, -1, 0].map((seed) => JSON.stringify(eventsOf(eventMaker(new FastDraws(seed)), 60)))
  expect(new Set(drawn).size).toBe(4)
})
