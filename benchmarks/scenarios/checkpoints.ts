// What checkpoints cost: the keyed sum with them against the same without, and how long a task stands still for one.

import type { Bench, CaseParams, ProcessResult, Row, Scenario } from '../scenario.ts'
import { median, noiseOf, percentile } from '../statistics.ts'
import { millraceKeyedSum } from './keyed-sum.ts'

interface Workload {
  readonly name: string
  readonly params: CaseParams
  readonly intervalMs: number
  readonly overheadMax: number
}

const PAUSE_GOAL_MS = 20

const WORKLOADS: readonly Workload[] = [
  {
    name: 'each second, 1,000 keys',
    params: { records: 80e6, keys: 1000, cacheMb: 256 },
    intervalMs: 1000,
    overheadMax: 0.05,
  },
  {
    name: 'each 10 s, 1 M keys, all touched',
    params: { records: 40e6, keys: 1e6, cacheMb: 1024 },
    intervalMs: 10_000,
    overheadMax: 0.1,
  },
]

async function measureWorkload(bench: Bench, { name, params, intervalMs, overheadMax }: Workload): Promise<Row[]> {
  const scaled = { ...params, records: Math.round(Number(params.records) * bench.scale) }
  const [without = [], own = []] = await bench.compare([
    { scenario: 'checkpoints', name: 'millrace', params: scaled },
    { scenario: 'checkpoints', name: 'millrace', params: { ...scaled, intervalMs } },
  ])
  const flink = await bench.flink('W2', { keys: Number(params.keys), checkpoints: true })
  const rate = ({ records, seconds }: ProcessResult): number => records / seconds
  const kept = own.map((round, i) => rate(round) / rate(without[i] ?? round))
  const pauses = own.map(({ extra = {} }) => extra.pauseP99Ms ?? 0)
  const overhead = 1 - median(kept)
  return [
    {
      name: `checkpoints ${name}`,
      unit: '%',
      value: overhead * 100,
      ratio: median(kept),
      better: 'higher',
      noise: noiseOf(kept),
      flink,
      goal: `at most ${overheadMax * 100} %`,
      met: bench.smoke ? undefined : overhead <= overheadMax,
    },
    {
      name: `pause of a checkpoint ${name}`,
      unit: 'ms',
      value: median(pauses),
      better: 'lower',
      goal: `p99 at most ${PAUSE_GOAL_MS} ms`,
      met: bench.smoke ? undefined : median(pauses) <= PAUSE_GOAL_MS,
    },
  ]
}

/** The keyed sum, telling of its pauses. */
async function millrace(params: CaseParams): Promise<Omit<ProcessResult, 'memoryMb'>> {
  const { checkpoints, ...result } = await millraceKeyedSum(params)
  const pauses = checkpoints.map(({ pauseMs }) => pauseMs)
  return {
    ...result,
    extra: { checkpoints: pauses.length, pauseP99Ms: pauses.length === 0 ? 0 : percentile(pauses, 0.99) },
  }
}

export const checkpoints: Scenario = {
  name: 'checkpoints',
  cases: { millrace },
  async measure(bench) {
    const rows: Row[] = []
    for (const workload of WORKLOADS) rows.push(...(await measureWorkload(bench, workload)))
    return rows
  },
}
