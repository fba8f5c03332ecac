import { parentPort, workerData } from 'node:worker_threads'
import { LogReader } from '../../src/log/log-reader.ts'
import { percentile } from '../statistics.ts'

/** What the thread tells when it has read all. */
export interface LagReport {
  readonly p50: number
  readonly p99: number
  readonly most: number
  readonly checksum: number
}

interface Synced {
  readonly end: number
  readonly syncedAt: bigint
}

const { directory, count } = workerData as { directory: string; count: number }
const reader = new LogReader(directory, 0)
const lagsMs: number[] = []
let checksum = 0
let work = Promise.resolve()

async function readTo({ end, syncedAt }: Synced): Promise<void> {
  while (reader.position < end)
    for (const { payload } of await reader.read(end, 1 << 20))
      checksum += (payload[6] ?? 0) * 31 + (payload.at(-1) ?? 0)
  lagsMs.push(Number(process.hrtime.bigint() - syncedAt) / 1e6)
  if (end < count) return
  await reader.close()
  const [p50, p99, most] = [0.5, 0.99, 1].map((fraction) => percentile(lagsMs, fraction)) as [number, number, number]
  parentPort?.postMessage({ p50, p99, most, checksum } satisfies LagReport)
  parentPort?.close()
}

parentPort?.on('message', (synced: Synced) => {
  work = work.then(() => readTo(synced))
})
parentPort?.postMessage('ready')
