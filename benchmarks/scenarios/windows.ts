// Sums over windows of time: what a window costs a record, and how long after its end its rows come when records keep their own pace.

import { defineSource, job, monotonousTimestamps, type SourceFunction, seconds, sum, tumblingWindows } from 'millrace'
import { CountSource } from '../count-source.ts'
import { keyAt } from '../key-value.ts'
import { LatencySink } from '../latency-sink.ts'
import { runHere } from '../run-here.ts'
import type { Bench, Case, ProcessResult, Row, Scenario } from '../scenario.ts'
import { median } from '../statistics.ts'
import { Stopwatch } from '../stopwatch.ts'
import { TallySink } from '../tally-sink.ts'
import { throughputRow } from '../throughput-row.ts'

const KEYS = 1000
/** Events in a ms of event time, as the peer has them. */
const PER_MS = 1000
const SIZE_MS = seconds(1)

interface Reading {
  readonly key: number
  readonly value: number
  readonly at: number
}

const readingAt = (i: number): Reading => ({ key: keyAt(i, KEYS), value: i & 1023, at: Math.floor(i / PER_MS) })

const loop: Case = ({ records }) => {
  const watch = new Stopwatch()
  let totals = new Map<number, number>()
  let end = SIZE_MS
  let checksum = 0
  const close = (): void => {
    for (const total of totals.values()) checksum += total
    totals = new Map()
    end += SIZE_MS
  }
  watch.start()
  for (let i = 0; i < Number(records); i++) {
    const { key, value, at } = readingAt(i)
    while (at >= end) close()
    totals.set(key, (totals.get(key) ?? 0) + value)
  }
  close()
  watch.stop()
  return { records: Number(records), ...watch.elapsed, checksum }
}

const millrace: Case = async ({ records }) => {
  const watch = new Stopwatch()
  const sink = new TallySink<number>((total) => total, watch)
  const source = new CountSource(Number(records), readingAt, () => watch.start())
  const work = job('windows', (flow) => {
    flow
      .from('readings', source, { watermarks: monotonousTimestamps({ timestampOf: ({ at }) => at }) })
      .keyBy('key', ({ key }) => key)
      .window(tumblingWindows(SIZE_MS))
      .aggregate(
        'sums',
        sum(({ value }) => value),
      )
      .to('count', sink)
  })
  await runHere(work)
  return { records: Number(records), ...watch.elapsed, checksum: sink.sum }
}

/** How wide the windows are whose rows are timed: narrow ones end often. */
const TIMED_MS = 100

/**
 * An open loop: record i is due at its event time, by the clock, whether or not the one before has been taken. A row is as late as it
 * comes after the end of its window, so what holds the job up counts for every row that it holds up.
 */
const latency: Case = async ({ perSecond, records }) => {
  const sink = new LatencySink()
  const work = job('latency', (flow) => {
    flow
      .from('readings', dueReadings(Number(perSecond) / 1000, Number(records)), { watermarks: monotonousTimestamps() })
      .keyBy('key', ({ key }) => key)
      .window(tumblingWindows(TIMED_MS))
      .aggregate(
        'sums',
        sum(({ value }) => value),
        (_key, { end }, total) => ({ end, total }),
      )
      .to('timed', sink)
  })
  const { runningMs } = await runHere(work, { checkpoint: { intervalMs: 10_000 } })
  return {
    records: Number(records),
    seconds: runningMs / 1000,
    cpuSeconds: 0,
    checksum: sink.total,
    extra: { p50: sink.lateMs(0.5), p99: sink.lateMs(0.99), p9999: sink.lateMs(0.9999) },
  }
}

function dueReadings(perMs: number, count: number): SourceFunction<Reading> {
  return defineSource<Reading, { readonly next: number; readonly from: number }>({
    bounded: true,
    pollMs: 1,
    start: { next: 0, from: 0 },
    read(position, limit) {
      const from = position.from === 0 ? Date.now() : position.from
      const { next } = position
      if (next >= count) return 'end'
      const due = Math.min(count, Math.floor((Date.now() - from) * perMs), next + limit)
      const records = Array.from({ length: Math.max(0, due - next) }, (_, k) => {
        const i = next + k
        return { key: i % KEYS, value: 1, at: from + Math.floor(i / perMs) }
      })
      return { records, timestamps: records.map(({ at }) => at), position: { from, next: next + records.length } }
    },
  })
}

async function throughput(bench: Bench): Promise<{ readonly row: Row; readonly perSecond: number }> {
  const params = { records: Math.round(30_000_000 * bench.scale) }
  const [ceiling = [], own = []] = await bench.compare([
    { scenario: 'windows', name: 'loop', params },
    { scenario: 'windows', name: 'millrace', params },
  ])
  const flink = await bench.flink('W3')
  const row = throughputRow('sum over windows of 1 s, 1,000 keys', own, ceiling, flink, "Flink's heap per CPU-second")
  const met = flink === undefined ? undefined : (row.perCpuSecond ?? 0) >= flink.perCpuSecond
  return { row: { ...row, met }, perSecond: row.value }
}

async function lateness(bench: Bench, fullSpeed: number): Promise<Row[]> {
  const perSecond = Math.round(bench.smoke ? 20_000 : fullSpeed / 2)
  const params = { perSecond, records: Math.round(perSecond * (bench.smoke ? 0.5 : 20)) }
  const [own = []] = await bench.compare([{ scenario: 'windows', name: 'latency', params }])
  const at = (name: string): number => median(own.map(({ extra = {} }: ProcessResult) => extra[name] ?? Number.NaN))
  const row = (name: string, value: number, goalMs: number): Row => ({
    name: `end of a window to its row at half of that load, ${name}`,
    unit: 'ms',
    value,
    better: 'lower',
    goal: `${goalMs} ms`,
    met: bench.smoke ? undefined : value <= goalMs,
  })
  return [row('p99', at('p99'), 10), row('p99.99', at('p9999'), 100)]
}

export const windows: Scenario = {
  name: 'windows',
  cases: { loop, millrace, latency },
  async measure(bench) {
    const { row, perSecond } = await throughput(bench)
    return [row, ...(await lateness(bench, perSecond))]
  },
}
