// keyBy → running sum, each update out: what keyed state costs, with few keys, with many, and with a cache smaller than the state.

import { job } from 'millrace'
import type { CheckpointInfo } from 'millrace/runtime'
import { CountSource } from '../count-source.ts'
import { type KeyValue, keyValueAt } from '../key-value.ts'
import { memoryRow } from '../memory-row.ts'
import { runHere } from '../run-here.ts'
import { RunningSum } from '../running-sum.ts'
import type { Bench, Case, CaseParams, CaseResult, ProcessResult, Row, Scenario } from '../scenario.ts'
import { Stopwatch } from '../stopwatch.ts'
import { TallySink } from '../tally-sink.ts'
import { throughputRow } from '../throughput-row.ts'

const loop: Case = ({ records, keys }) => {
  const watch = new Stopwatch()
  const sums = new Map<number, number>()
  const update = ({ key, value }: KeyValue): KeyValue => {
    const total = (sums.get(key) ?? 0) + value
    sums.set(key, total)
    return { key, value: total }
  }
  let sum = 0
  watch.start()
  for (let i = 0; i < Number(records); i++) sum += update(keyValueAt(i, Number(keys))).value
  watch.stop()
  return { records: Number(records), ...watch.elapsed, checksum: sum }
}

/** The job, for this scenario and that of checkpoints: `intervalMs` is how often they are taken; left out, never. */
export async function millraceKeyedSum({
  records,
  keys,
  cacheMb,
  intervalMs,
}: CaseParams): Promise<CaseResult & { readonly checkpoints: readonly CheckpointInfo[] }> {
  const watch = new Stopwatch()
  const sink = new TallySink<KeyValue>((record) => record.value, watch)
  const source = new CountSource(
    Number(records),
    (i) => keyValueAt(i, Number(keys)),
    () => watch.start(),
  )
  const work = job('keyed-sum', (flow) => {
    flow
      .from('records', source)
      .keyBy('key', (record) => record.key)
      .process('sum', new RunningSum())
      .to('count', sink)
  })
  const { checkpoints, result } = await runHere(work, {
    stateCacheBytes: Number(cacheMb) * 2 ** 20,
    ...(intervalMs === undefined ? {} : { checkpoint: { intervalMs: Number(intervalMs) } }),
  })
  const stateBytes = result.metrics.reduce((sum, node) => sum + node.stateBytes, 0)
  return { records: Number(records), ...watch.elapsed, checksum: sink.sum, checkpoints, extra: { stateBytes } }
}

const millrace: Case = async (params) => {
  const { checkpoints: _taken, ...result } = await millraceKeyedSum(params)
  return result
}

interface Compared {
  readonly own: readonly ProcessResult[]
  readonly ceiling: readonly ProcessResult[]
}

async function compared(bench: Bench, params: CaseParams): Promise<Compared> {
  const [ceiling = [], own = []] = await bench.compare([
    { scenario: 'keyed-sum', name: 'loop', params },
    { scenario: 'keyed-sum', name: 'millrace', params },
  ])
  return { own, ceiling }
}

/** Whether a row is fast enough, in records a second and in times what Flink does with a CPU-second; undefined without Flink. */
function judge(row: Row, perSecondMin: number, flinkTimesMin: number): boolean | undefined {
  if (row.flink === undefined || row.perCpuSecond === undefined) return row.value >= perSecondMin ? undefined : false
  return row.value >= perSecondMin && row.perCpuSecond / row.flink.perCpuSecond >= flinkTimesMin
}

async function fewKeys(bench: Bench): Promise<Row[]> {
  const cacheMb = 256
  const { own, ceiling } = await compared(bench, { records: Math.round(40e6 * bench.scale), keys: 1000, cacheMb })
  const name = 'keyed sum, 1,000 keys'
  const row = throughputRow(name, own, ceiling, await bench.flink('W2'), "6 M/s and Flink's heap per CPU-second")
  // A thousand keys need next to nothing of the cache they are allowed.
  return [{ ...row, met: judge(row, 6e6, 1) }, memoryRow(bench, name, own, 0)]
}

/** All state in the cache; also returns how many bytes that was. */
async function manyKeys(bench: Bench, keys: number): Promise<{ readonly rows: Row[]; readonly stateBytes: number }> {
  const { own, ceiling } = await compared(bench, { records: Math.round(12e6 * bench.scale), keys, cacheMb: 1024 })
  const heap = await bench.flink('W2', { keys })
  const rocks = await bench.flink('W2', { keys, backend: 'rocksdb' })
  const name = 'keyed sum, 1 M keys, 1 GiB cache'
  const row = throughputRow(name, own, ceiling, heap, "1 M/s and 1.5 × Flink's heap per CPU-second")
  const besideRocks: Row = {
    ...row,
    name: `${name}, Flink on RocksDB`,
    ceiling: undefined,
    ratio: undefined,
    flink: rocks,
    goal: "4 × Flink's RocksDB per CPU-second",
  }
  const stateBytes = Math.max(...own.map(({ extra = {} }) => extra.stateBytes ?? 0))
  const rows = [
    { ...row, met: judge(row, 1e6, 1.5) },
    ...(rocks === undefined ? [] : [{ ...besideRocks, met: judge(besideRocks, 0, 4) }]),
    memoryRow(bench, name, own, stateBytes / 2 ** 20),
  ]
  return { rows, stateBytes }
}

async function quarterCached(bench: Bench, keys: number, stateBytes: number): Promise<Row[]> {
  const cacheMb = Math.max(1, Math.round(stateBytes / 4 / 2 ** 20))
  const { own, ceiling } = await compared(bench, { records: Math.round(4e6 * bench.scale), keys, cacheMb })
  const settings = { 'taskmanager.memory.managed.size': `${cacheMb}m` }
  const flink = await bench.flink('W2', { keys, backend: 'rocksdb', settings })
  const name = `keyed sum, 1 M keys, a quarter cached`
  const row = throughputRow(name, own, ceiling, flink, '150 K/s')
  return [{ ...row, met: bench.smoke ? undefined : row.value >= 150e3 }, memoryRow(bench, name, own, cacheMb)]
}

export const keyedSum: Scenario = {
  name: 'keyed-sum',
  cases: { loop, millrace },
  async measure(bench) {
    const keys = Math.round(1e6 * bench.scale)
    const few = await fewKeys(bench)
    const { rows: many, stateBytes } = await manyKeys(bench, keys)
    return [...few, ...many, ...(await quarterCached(bench, keys, stateBytes))]
  },
}
