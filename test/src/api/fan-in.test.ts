// Wide and joined-up graphs: 64 streams into one node, by one union or by many edges; a diamond. Nothing is lost or repeated through a
// throw, and event time is that of the slowest stream.

import { describe, expect, test } from 'vitest'
import { runJobHere, testJob } from '../../../runtime/testing/index.ts'
import { collect } from '../../../src/connectors/collect/index.ts'
import {
  type Collector,
  type Flow,
  fromArray,
  job,
  type KeyedProcessContext,
  KeyedProcessFunction,
  monotonousTimestamps,
  type OnTimerContext,
  type Stream,
} from '../../../src/index.ts'

const WIDTH = 64
const RECORDS = 4

interface Tick {
  readonly stream: number
  readonly time: number
}

const ticksOf = (stream: number): Tick[] => Array.from({ length: RECORDS }, (_, i) => ({ stream, time: i * 10 }))
const all: readonly Tick[] = Array.from({ length: WIDTH }, (_, stream) => ticksOf(stream)).flat()

function sources(flow: Flow): [Stream<Tick>, ...Stream<Tick>[]] {
  const streams = Array.from({ length: WIDTH }, (_, i) =>
    flow
      .from(`source-${i}`, fromArray(ticksOf(i)), { parallelism: 1 })
      .assignTimestampsAndWatermarks(`times-${i}`, monotonousTimestamps({ timestampOf: ({ time }) => time }), {
        parallelism: 1,
      }),
  )
  return streams as [Stream<Tick>, ...Stream<Tick>[]]
}

/** At each time: how many records of that time or before have come. */
class Seen extends KeyedProcessFunction<string, Tick, string> {
  readonly #seen = this.valueState<number>('seen')

  override process({ time }: Tick, { timers }: KeyedProcessContext<string>): void {
    if (time <= timers.currentWatermark()) throw new Error('late')
    this.#seen.set((this.#seen.get() ?? 0) + 1)
    timers.registerEventTimeTimer(time)
  }

  override onTimer(time: number, _context: OnTimerContext<string>, out: Collector<string>): void {
    out.emit(`${time}: ${this.#seen.get()}`)
  }
}

describe('a union of 64 streams', () => {
  test('has all of their records, through throws, at several parallelisms', async () => {
    await testJob<Tick>(
      (out) =>
        job('wide', (flow) => {
          const [first, ...others] = sources(flow)
          first.union('union', ...others).to('out', collect(out))
        }),
      { expected: all, parallelism: [2], faults: [{ node: 'union', record: 100 }] },
    )
  })

  test('is as late as the slowest of them', async () => {
    const out: string[] = []
    const wide = job('wide', (flow) => {
      const [first, ...others] = sources(flow)
      first
        .union('union', ...others)
        .keyBy('one', () => 'one')
        .process('seen', () => new Seen())
        .to('out', collect(out))
    })
    const { failure, attempts } = await runJobHere(wide, {
      parallelism: 2,
      recordsPerCheckpoint: 2,
      fault: { node: 'union', record: 150 },
    })
    expect(failure).toBeUndefined()
    expect(attempts).toBe(2)
    // A timer fires when no record of its time is still to come: those seen are at least all up to it, and the last has seen all.
    expect(out.map((line) => line.split(':')[0])).toEqual(['0', '10', '20', '30'])
    for (const line of out) {
      const [time, seen] = line.split(': ').map(Number) as [number, number]
      expect(seen).toBeGreaterThanOrEqual(WIDTH * (time / 10 + 1))
    }
    expect(out.at(-1)).toBe(`30: ${WIDTH * RECORDS}`)
  })
})

test('streams that part and meet again keep every record once', async () => {
  await testJob<string>(
    (out) =>
      job('diamond', (flow) => {
        const numbers = flow.from('numbers', fromArray(Array.from({ length: 60 }, (_, n) => n)))
        const [even, odd] = numbers.split('parity', (n) => n % 2 === 0)
        const doubled = even.rebalance().map('double', (n) => n * 2)
        const [small, large] = odd.split('size', (n) => n < 30)
        const words = large
          .keyBy('tens', (n) => Math.floor(n / 10))
          .reduce('sum', (a, b) => a + b)
          .map('word', (n) => `sum ${n}`)
        doubled
          .union(
            'numbers-again',
            small,
            numbers.filter('hundredths', () => false),
          )
          .map('text', (n) => `${n}`)
          .union('meet', words)
          .to('out', collect(out))
      }),
    {
      expected: [
        ...Array.from({ length: 30 }, (_, i) => `${i * 4}`),
        ...Array.from({ length: 15 }, (_, i) => `${i * 2 + 1}`),
        // Running sums of 31, 33, … 39; of 41, … ; of 51, …
        ...[3, 4, 5].flatMap((tens) => [1, 2, 3, 4, 5].map((count) => `sum ${count * tens * 10 + count * count}`)),
      ],
      parallelism: [1, 2],
      faults: [
        { node: 'meet', record: 40 },
        { node: 'sum', record: 7 },
      ],
    },
  )
})
