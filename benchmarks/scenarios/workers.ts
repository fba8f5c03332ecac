// Two workers against one: what a second core brings when half of the records must cross to it.

import { fileURLToPath } from 'node:url'
import { runHere } from '../run-here.ts'
import type { Bench, Case, Row, Scenario } from '../scenario.ts'
import { median, noiseOf } from '../statistics.ts'

const JOB = fileURLToPath(new URL('../jobs/keyed-sum-job.ts', import.meta.url))

const millrace: Case = async ({ records, keys, workers, parse }) => {
  const before = process.cpuUsage()
  const { result, runningMs } = await runHere(JOB, {
    parallelism: Number(workers),
    workers: Number(workers),
    settings: { records: String(records), keys: String(keys), parse: String(parse) },
  })
  const { user, system } = process.cpuUsage(before)
  const arrived = result.metrics.filter(({ node }) => node === 'count').map(({ counters }) => counters.arrived ?? 0)
  return {
    records: Number(records),
    seconds: runningMs / 1000,
    cpuSeconds: (user + system) / 1e6,
    checksum: arrived.reduce((a, b) => a + b, 0),
  }
}

async function speedUp(bench: Bench, name: string, parse: 'yes' | 'no', count: number): Promise<Row> {
  const params = { records: Math.round(count * bench.scale), keys: 1000, parse }
  const [one = [], two = []] = await bench.compare([
    { scenario: 'workers', name: 'millrace', params: { ...params, workers: 1 } },
    { scenario: 'workers', name: 'millrace', params: { ...params, workers: 2 } },
  ])
  const ratios = two.map(({ seconds }, i) => (one[i]?.seconds ?? Number.NaN) / seconds)
  return {
    name: `2 workers against 1, ${name}`,
    unit: '×',
    value: median(ratios),
    ratio: median(ratios),
    better: 'higher',
    noise: noiseOf(ratios),
    memoryMb: Math.max(...two.map(({ memoryMb }) => memoryMb)),
    goal: '1.6 ×',
    met: bench.smoke ? undefined : median(ratios) >= 1.6,
  }
}

export const workers: Scenario = {
  name: 'workers',
  cases: { millrace },
  measure: async (bench) => [
    await speedUp(bench, 'keyed sum', 'no', 40e6),
    await speedUp(bench, 'keyed sum of JSON lines', 'yes', 8e6),
  ],
}
