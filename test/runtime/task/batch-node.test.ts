// Keyed nodes of a batch run: what they are given in which order, when their timers fire, what is left of a key.

import { describe, expect, test } from 'vitest'
import { at, runJobHere, second, testNode, watermark } from '../../../runtime/testing/index.ts'
import { collect } from '../../../src/connectors/collect/index.ts'
import { generate } from '../../../src/connectors/generate/index.ts'
import {
  type Collector,
  CoProcessFunction,
  fromArray,
  type Job,
  job,
  KeyedBroadcastProcessFunction,
  type KeyedProcessContext,
  KeyedProcessFunction,
  type OnTimerContext,
} from '../../../src/index.ts'
import { MAX_WATERMARK } from '../../../src/record/element.ts'

interface Sale {
  readonly shop: string
  readonly cents: number
}
const sale = (shop: string, cents: number): Sale => ({ shop, cents })

const totals = job('totals', (flow) => {
  flow
    .from('sales', fromArray<Sale>([]))
    .keyBy('shop', ({ shop }) => shop)
    .reduce('total', (a, b) => ({ shop: a.shop, cents: a.cents + b.cents }))
    .to('out', collect<Sale>([]))
})

test('an aggregation emits one row for each key, with the event time of its last record', async () => {
  await testNode(totals, 'total', {
    input: [at(5, sale('a', 1)), at(1, sale('b', 2)), at(3, sale('a', 4))],
    expected: [at(5, sale('a', 1)), at(1, sale('b', 2)), at(3, sale('a', 5))],
    batch: [at(5, sale('a', 5)), at(1, sale('b', 2))],
  })
})

/** Says all it is told. */
class Witness extends CoProcessFunction<string, Sale, Sale, string> {
  readonly #seen = this.listState<number>('seen')

  override process1(value: Sale, context: KeyedProcessContext<string>, out: Collector<string>): void {
    this.#note(1, value, context, out)
  }

  override process2(value: Sale, context: KeyedProcessContext<string>, out: Collector<string>): void {
    this.#note(2, value, context, out)
  }

  override onTimer(timer: number, { key, domain, timers }: OnTimerContext<string>, out: Collector<string>): void {
    const end = timers.currentWatermark() === MAX_WATERMARK ? 'at the end' : 'early'
    out.emit(`${key} ${domain} ${timer} ${end} [${this.#seen.get().join(' ')}]`)
    if (timer < 200) timers.registerEventTimeTimer(timer + 100)
  }

  #note(input: number, { cents }: Sale, context: KeyedProcessContext<string>, out: Collector<string>): void {
    const { key, timestamp, timers } = context
    this.#seen.add(cents)
    const before = timers.currentWatermark() < (timestamp ?? 0) ? '' : ' late'
    out.emit(`${key} ${input} ${timestamp}${before} [${this.#seen.get().join(' ')}]`)
    if (cents < 0) timers.deleteEventTimeTimer(100)
    else timers.registerEventTimeTimer(100)
    if (cents === 9) timers.registerProcessingTimeTimer(1e15)
  }
}

const witnessed = job('witnessed', (flow) => {
  const other = flow.from('second', fromArray<Sale>([])).keyBy('shop2', ({ shop }) => shop)
  flow
    .from('first', fromArray<Sale>([]))
    .keyBy('shop1', ({ shop }) => shop)
    .connect(other)
    .process('witness', () => new Witness())
    .to('out', collect<string>([]))
})

test('both inputs of a key come in the order of event time, then its timers fire, those they set too; then it is forgotten', async () => {
  await testNode(witnessed, 'witness', {
    ways: ['in batch mode'],
    input: [
      at(30, sale('a', 3)),
      second(at(20, sale('a', 2))),
      watermark(1_000),
      at(20, sale('a', 1)),
      second(at(5, sale('b', 8))),
      at(40, sale('b', 9)),
      at(1, sale('c', -1)),
    ],
    expected: [],
    batch: [
      'a 1 20 [1]',
      'a 2 20 [1 2]',
      'a 1 30 [1 2 3]',
      'a event 100 at the end [1 2 3]',
      'a event 200 at the end [1 2 3]',
      'b 2 5 [8]',
      'b 1 40 [8 9]',
      'b event 100 at the end [8 9]',
      'b event 200 at the end [8 9]',
      'b processing 1000000000000000 at the end [8 9]',
      'c 1 1 [-1]',
    ],
  })
})

/** Keeps each record until its time is over, and says how many it ever kept. */
class Open extends KeyedProcessFunction<string, Sale, string> {
  readonly #open = this.mapState<number, Sale>('open')
  #most = 0

  override process(value: Sale, { timestamp = 0, timers }: KeyedProcessContext<string>): void {
    this.#open.set(timestamp, value)
    this.#most = Math.max(this.#most, this.#open.size)
    timers.registerEventTimeTimer(timestamp + 5)
  }

  override onTimer(timer: number, { timers }: OnTimerContext<string>, out: Collector<string>): void {
    this.#open.delete(timer - 5)
    if (timers.currentWatermark() === MAX_WATERMARK && this.#open.size === 0) out.emit(`at most ${this.#most}`)
  }
}

test('timers fire in their places among the records of a key: what is over is not kept until its last', async () => {
  const count = 50_000
  const out: string[] = []
  const held = job('held', (flow) => {
    flow
      .from('sales', generate({ count, make: (n) => sale('one', count - n) }))
      .assignTimestamps('at', ({ cents }) => cents * 10)
      .keyBy('shop', ({ shop }) => shop)
      .process('open', () => new Open())
      .to('out', collect(out))
  })
  const { failure } = await runJobHere(held, { mode: 'batch', stateCacheBytes: 64 << 10 })
  expect(failure).toBeUndefined()
  expect(out).toEqual(['at most 1025'])
})

class Endless extends KeyedProcessFunction<string, Sale, string> {
  override process(_value: Sale, { timers }: KeyedProcessContext<string>): void {
    timers.registerEventTimeTimer(0)
  }
  override onTimer(timer: number, { timers }: OnTimerContext<string>): void {
    timers.registerEventTimeTimer(timer + 1)
  }
}

test('timers that set each other without end are refused, with the node and the key', async () => {
  const endless = job('endless', (flow) => {
    flow
      .from('sales', fromArray([sale('aarhus', 1)]))
      .keyBy('shop', ({ shop }) => shop)
      .process('again', () => new Endless())
      .to('out', collect<string>([]))
  })
  const { failure } = await runJobHere(endless, { mode: 'batch', restart: { strategy: 'none' } })
  expect(failure).toMatchObject({ code: 'USER_FUNCTION', node: 'again' })
  expect(failure?.message).toContain('aarhus')
})

class Priced extends KeyedBroadcastProcessFunction<string, Sale, string, string> {
  readonly #rules = this.broadcastState<string, number>('rules')
  readonly #sales = this.valueState<number>('sales')

  override process(value: Sale, { key }: KeyedProcessContext<string>, out: Collector<string>): void {
    this.#sales.set((this.#sales.get() ?? 0) + value.cents)
    out.emit(`${key} ${this.#sales.get()} of ${this.#rules.size} rules`)
  }

  override processBroadcast(rule: string): void {
    this.#rules.set(rule, 1)
  }
}

test('a broadcast input comes whole before the first key, in every subtask', async () => {
  const out: string[] = []
  const priced = job('priced', (flow) => {
    const rules = flow.from('rules', generate({ count: 3000, make: (n) => `rule ${n}` }))
    flow
      .from('sales', fromArray(Array.from({ length: 40 }, (_, n) => sale(`shop ${n % 20}`, n))))
      .keyBy('shop', ({ shop }) => shop)
      .connectBroadcast(rules)
      .process('price', () => new Priced())
      .to('out', collect(out))
  })
  const { failure } = await runJobHere(priced, { mode: 'batch', parallelism: 2, stateCacheBytes: 1 })
  expect(failure).toBeUndefined()
  const expected = Array.from({ length: 20 }, (_, n) => [`shop ${n} ${n}`, `shop ${n} ${2 * n + 20}`]).flat()
  expect(out.sort()).toEqual(expected.map((line) => `${line} of 3000 rules`).sort())
})

interface Reading {
  readonly sensor: number
  readonly value: number
}
interface Peak extends Reading {
  readonly readings: number
}
const reading = (n: number): Reading => ({ sensor: (n * 7919) % 997, value: (n * 31) % 1009 })

/** Two keyed nodes in a row: how high each sensor got, and how many sensors got how high. */
function peaks(out: unknown[], count: number): Job {
  return job('peaks', (flow) => {
    flow
      .from('readings', generate({ count, make: reading }))
      .keyBy('sensor', ({ sensor }) => sensor)
      .aggregate<Peak, Peak>('peak', {
        create: () => ({ sensor: 0, value: -1, readings: 0 }),
        add: ({ sensor, value }, peak) => ({
          sensor,
          value: Math.max(value, peak.value),
          readings: peak.readings + 1,
        }),
        result: (peak) => peak,
        merge: (a, b) => (a.value < b.value ? b : a),
      })
      .keyBy('height', ({ value }) => `height ${value % 10}`)
      .reduce('highest', (a, b) => (a.value > b.value || (a.value === b.value && a.sensor < b.sensor) ? a : b))
      .to('out', collect(out))
  })
}

function expectedPeaks(count: number): Peak[] {
  const bySensor = new Map<number, Peak>()
  for (let n = 0; n < count; n += 1) {
    const { sensor, value } = reading(n)
    const before = bySensor.get(sensor)
    bySensor.set(sensor, {
      sensor,
      value: Math.max(value, before?.value ?? -1),
      readings: (before?.readings ?? 0) + 1,
    })
  }
  const byHeight = new Map<number, Peak>()
  for (const peak of bySensor.values()) {
    const best = byHeight.get(peak.value % 10)
    const better =
      best === undefined || peak.value > best.value || (peak.value === best.value && peak.sensor < best.sensor)
    if (better) byHeight.set(peak.value % 10, peak)
  }
  return [...byHeight.values()]
}

describe('a whole job', () => {
  const count = 40_000

  test.each([
    [1, undefined],
    [2, undefined],
    [3, undefined],
    [1, 4096],
    [3, 4096],
  ])(
    'has its final rows only, at parallelism %i with %s bytes for what waits',
    async (parallelism, stateCacheBytes) => {
      const out: unknown[] = []
      const memory = stateCacheBytes === undefined ? {} : { stateCacheBytes }
      const { state, failure, lastCheckpoint } = await runJobHere(peaks(out, count), {
        mode: 'batch',
        parallelism,
        ...memory,
      })
      expect(failure).toBeUndefined()
      expect(state).toBe('finished')
      expect(lastCheckpoint).toBe(1)
      const inOrder = (rows: readonly unknown[]): unknown[] => (rows as Peak[]).toSorted((a, b) => a.sensor - b.sensor)
      expect(inOrder(out)).toEqual(inOrder(expectedPeaks(count)))
    },
  )

  test('starts from the beginning after a throw, and shows nothing twice', async () => {
    const out: unknown[] = []
    const fault = { node: 'highest', record: 500 }
    const { state, faultFired } = await runJobHere(peaks(out, count), { mode: 'batch', parallelism: 2, fault })
    expect([state, faultFired]).toEqual(['finished', true])
    expect(out).toHaveLength(expectedPeaks(count).length)
  })
})
