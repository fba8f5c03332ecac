// keyBy → running sum, each update out: what keyed state costs, with few keys, with many, and with a cache smaller than the state.

import { job } from 'millrace'
import type { CheckpointInfo } from 'millrace/runtime'
import { CountSource } from '../count-source.ts'
import { type KeyValue, keyValueAt } from '../key-value.ts'
import { runHere } from '../run-here.ts'
import { RunningSum } from '../running-sum.ts'
import type { Bench, Case, CaseParams, CaseResult, FlinkResult, ProcessResult, Row, Scenario } from '../scenario.ts'
import { median } from '../statistics.ts'
import { Stopwatch } from '../stopwatch.ts'
import { TallySink } from '../tally-sink.ts'
import { throughputRow } from '../throughput-row.ts'

/** The state of a key, with its key, is taken to need this many bytes when the cache is to hold a quarter of it. */
const STATE_BYTES_PER_KEY = 100

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
  const { checkpoints } = await runHere(work, {
    stateCacheBytes: Number(cacheMb) * 2 ** 20,
    ...(intervalMs === undefined ? {} : { checkpoint: { intervalMs: Number(intervalMs) } }),
  })
  return { records: Number(records), ...watch.elapsed, checksum: sink.sum, checkpoints }
}

const millrace: Case = async (params) => {
  const { checkpoints: _taken, ...result } = await millraceKeyedSum(params)
  return result
}

async function compared(
  bench: Bench,
  params: CaseParams,
): Promise<[own: readonly ProcessResult[], ceiling: readonly ProcessResult[]]> {
  const [ceiling = [], own = []] = await bench.compare([
    { scenario: 'keyed-sum', name: 'loop', params },
    { scenario: 'keyed-sum', name: 'millrace', params },
  ])
  return [own, ceiling]
}

const times = (row: Row, flink: FlinkResult | undefined): number | undefined =>
  flink === undefined || row.perCpuSecond === undefined ? undefined : row.perCpuSecond / flink.perCpuSecond

async function fewKeys(bench: Bench): Promise<Row> {
  const [own, ceiling] = await compared(bench, { records: Math.round(40e6 * bench.scale), keys: 1000, cacheMb: 256 })
  const flink = await bench.flink('W2')
  const row = throughputRow('keyed sum, 1,000 keys', own, ceiling, flink, "6 M/s and Flink's heap per CPU-second")
  const against = times(row, flink)
  return { ...row, met: against === undefined ? undefined : row.value >= 6e6 && against >= 1 }
}

async function manyKeys(bench: Bench): Promise<Row[]> {
  const keys = Math.round(1e6 * bench.scale)
  const [own, ceiling] = await compared(bench, { records: Math.round(12e6 * bench.scale), keys, cacheMb: 1024 })
  const heap = await bench.flink('W2', { keys })
  const rocks = await bench.flink('W2', { keys, backend: 'rocksdb' })
  const name = 'keyed sum, 1 M keys, 1 GiB cache'
  const row = throughputRow(name, own, ceiling, heap, "1 M/s and 1.5 × Flink's heap per CPU-second")
  const onHeap = times(row, heap)
  const onRocks = times(row, rocks)
  const again = { ...row, name: `${name} (beside RocksDB)`, ratio: undefined, ceiling: undefined, flink: rocks }
  return [
    { ...row, met: onHeap === undefined ? undefined : row.value >= 1e6 && onHeap >= 1.5 },
    ...(onRocks === undefined ? [] : [{ ...again, goal: "4 × Flink's RocksDB per CPU-second", met: onRocks >= 4 }]),
  ]
}

async function quarterCached(bench: Bench): Promise<Row> {
  const keys = Math.round(1e6 * bench.scale)
  const cacheMb = Math.max(1, Math.round((keys * STATE_BYTES_PER_KEY) / 4 / 2 ** 20))
  const [own, ceiling] = await compared(bench, { records: Math.round(4e6 * bench.scale), keys, cacheMb })
  const settings = { 'taskmanager.memory.managed.size': `${cacheMb}m` }
  const flink = await bench.flink('W2', { keys, backend: 'rocksdb', settings })
  const row = throughputRow('keyed sum, 1 M keys, a quarter cached', own, ceiling, flink, '150 K/s')
  return { ...row, met: median(own.map(({ records, seconds }) => records / seconds)) >= 150e3 }
}

export const keyedSum: Scenario = {
  name: 'keyed-sum',
  cases: { loop, millrace },
  measure: async (bench) => [await fewKeys(bench), ...(await manyKeys(bench)), await quarterCached(bench)],
}
