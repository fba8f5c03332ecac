// One query beside Flink: the same events, on the same machine, in the same run, each a task slot against a worker.

import { type FlinkQueryOptions, runFlinkQuery } from '../flink-peer.ts'
import type { FlinkResult } from '../scenario.ts'
import { median } from '../statistics.ts'
import { GOALS, MEMORY_TIMES_MAX, ROCKSDB_TIMES } from './goals.ts'
import { type QueryParams, type QueryResult, runQuery } from './run-query.ts'

export interface MeasureOptions {
  /** Instead of the query's own number. */
  readonly events: number | undefined
  readonly rounds: number
  /** Only beside Flink with its state in the heap: the others take most of the time. */
  readonly heapOnly: boolean
  /** Folder of a built Flink peer; undefined: ours only. */
  readonly peer: string | undefined
  readonly say: (line: string) => void
}

/** What was measured of one side. */
export interface Figures {
  readonly perSecond: number
  readonly perCpuSecond: number
  readonly memoryMb: number
}

/** One comparison: a query with its state in a certain place. */
export interface Comparison {
  readonly query: string
  readonly events: number
  /** Where Flink's state is, and how much memory both have for state. */
  readonly state: string
  readonly own: Figures
  readonly flink: Figures | undefined
  /** Ours per CPU-second in times of Flink's; what is asked of it; the same of memory. */
  readonly times: number | undefined
  readonly timesMin: number
  readonly memoryTimesMax: number
}

/** As much as the peer gives its state by default. */
const CACHE_MB = 1024
/** Below this RocksDB has no room to work in, on either side. */
const QUARTER_MB_MIN = 8

/** All comparisons of one query. */
export async function measureQuery(query: string, options: MeasureOptions): Promise<Comparison[]> {
  const goal = GOALS[query]
  if (goal === undefined) throw new Error(`there is no query ${query}; there are ${Object.keys(GOALS).join(', ')}`)
  const events = options.events ?? goal.events
  const generator = goal.kept === true ? 'kept' : 'exact'
  const whole = await ours({ query, events, generator, cacheMb: CACHE_MB }, options)
  const heap = await beside(query, options, { events, backend: 'heap', miniBatch: false })
  const first = compare({ query, events, state: 'heap' }, whole.figures, heap, goal.heapTimes)
  if (!goal.stateful || options.heapOnly) return [first]
  return [first, ...(await besideRocks(query, options, { events, whole }))]
}

interface Whole {
  readonly figures: Figures
  readonly stateMb: number
}

async function besideRocks(
  query: string,
  options: MeasureOptions,
  { events, whole }: { readonly events: number; readonly whole: Whole },
): Promise<Comparison[]> {
  const same = compare(
    { query, events, state: `RocksDB, ${CACHE_MB} MB` },
    whole.figures,
    await betterRocks(query, options, { events, cacheMb: CACHE_MB }),
    ROCKSDB_TIMES,
  )
  const cacheMb = Math.max(QUARTER_MB_MIN, Math.round(whole.stateMb / 4))
  const small = await ours({ query, events, generator: 'exact', cacheMb }, options)
  const flink = await betterRocks(query, options, { events, cacheMb })
  return [same, compare({ query, events, state: `RocksDB, ${cacheMb} MB` }, small.figures, flink, ROCKSDB_TIMES)]
}

async function ours(params: QueryParams, { rounds, say }: MeasureOptions): Promise<Whole> {
  const results: QueryResult[] = []
  for (let round = 0; round < rounds; round += 1) {
    const result = await runQuery(params)
    say(
      `  ${params.query}, ${params.cacheMb} MB for state: ${describe(figuresOf(result))}, state ${Math.round(result.stateMb)} MB`,
    )
    results.push(result)
  }
  const figures = results.map(figuresOf)
  return {
    figures: {
      perSecond: median(figures.map(({ perSecond }) => perSecond)),
      perCpuSecond: median(figures.map(({ perCpuSecond }) => perCpuSecond)),
      memoryMb: Math.max(...figures.map(({ memoryMb }) => memoryMb)),
    },
    stateMb: Math.max(...results.map(({ stateMb }) => stateMb)),
  }
}

function figuresOf({ events, seconds, cpuSeconds, memoryMb }: QueryResult): Figures {
  return { perSecond: events / seconds, perCpuSecond: events / cpuSeconds, memoryMb }
}

async function beside(
  query: string,
  { peer, say }: MeasureOptions,
  options: FlinkQueryOptions,
): Promise<FlinkResult | undefined> {
  if (peer === undefined) return undefined
  const result = await runFlinkQuery(peer, query, options)
  say(`  ${query}, Flink, ${options.backend}${options.miniBatch ? ', mini-batch' : ''}: ${describe(result)}`)
  return result
}

/** With and without mini-batches: the better one per CPU-second. */
async function betterRocks(
  query: string,
  options: MeasureOptions,
  { events, cacheMb }: { readonly events: number; readonly cacheMb: number },
): Promise<FlinkResult | undefined> {
  const settings = { 'taskmanager.memory.managed.size': `${cacheMb}m` }
  const results: FlinkResult[] = []
  for (const miniBatch of [false, true]) {
    const result = await beside(query, options, { events, backend: 'rocksdb', miniBatch, settings })
    if (result !== undefined) results.push(result)
  }
  return results.sort((a, b) => b.perCpuSecond - a.perCpuSecond)[0]
}

function compare(
  what: Pick<Comparison, 'query' | 'events' | 'state'>,
  own: Figures,
  flink: FlinkResult | undefined,
  timesMin: number,
): Comparison {
  const times = flink === undefined ? undefined : own.perCpuSecond / flink.perCpuSecond
  return { ...what, own, flink, times, timesMin, memoryTimesMax: MEMORY_TIMES_MAX }
}

/** `1.23 M/s (1.10 M per CPU-second), 210 MB`. */
export function describe({ perSecond, perCpuSecond, memoryMb }: Figures): string {
  return `${count(perSecond)}/s (${count(perCpuSecond)} per CPU-second), ${Math.round(memoryMb)} MB`
}

function count(value: number): string {
  return value >= 1e6 ? `${(value / 1e6).toFixed(2)} M` : `${Math.round(value / 1e3)} K`
}
