// The segment log alone: batches of 256 KiB appended and synced one by one, and read back; against a file that is written, synced and
// read without frames, numbers and checksums. Then a reader in another thread, close behind the writer.

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { LogReader } from '../../src/log/log-reader.ts'
import { SegmentLog } from '../../src/log/segment-log.ts'
import type { Bench, Case, CaseResult, ProcessResult, Row, Scenario } from '../scenario.ts'
import { median } from '../statistics.ts'
import { Stopwatch } from '../stopwatch.ts'
import { throughputRow } from '../throughput-row.ts'
import type { LagReport } from './segment-log-thread.ts'

const BATCH_BYTES = 256 << 10
const READ_BYTES = 1 << 20

const batches = Array.from({ length: 16 }, (_, i) => Buffer.alloc(BATCH_BYTES, `batch ${i} `))
const batchAt = (i: number): Buffer => batches[i % batches.length] as Buffer
const sample = (batch: Uint8Array): number => (batch[6] ?? 0) * 31 + (batch[batch.length - 1] ?? 0)
const megabytes = (count: number): number => (count * BATCH_BYTES) / 1e6

interface Hands {
  /** Writes batch i, durably. */
  readonly write: (i: number) => Promise<void>
  /** Reads all batches in order. */
  readonly read: (take: (batch: Uint8Array) => void) => Promise<void>
  readonly close: () => Promise<void>
}

/** Writes all, or writes all and measures reading them. */
async function timed(hands: Hands, count: number, measured: string): Promise<CaseResult> {
  const watch = new Stopwatch()
  if (measured === 'write') watch.start()
  for (let i = 0; i < count; i++) await hands.write(i)
  if (measured === 'write') watch.stop()
  let checksum = 0
  if (measured === 'read') watch.start()
  await hands.read((batch) => {
    checksum += sample(batch)
  })
  if (measured === 'read') watch.stop()
  await hands.close()
  return { records: megabytes(count), ...watch.elapsed, checksum }
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const file: Case = ({ count, measured }) =>
  inFolder(async (folder) => {
    const handle = await open(join(folder, 'plain'), 'wx+')
    const write = async (i: number): Promise<void> => {
      await handle.write(batchAt(i), 0, BATCH_BYTES, i * BATCH_BYTES)
      await handle.datasync()
    }
    const read = (take: (batch: Uint8Array) => void): Promise<void> => readFile(handle, take)
    return timed({ write, read, close: () => handle.close() }, Number(count), String(measured))
  })

async function readFile(handle: FileHandle, take: (batch: Uint8Array) => void): Promise<void> {
  for (let position = 0; ; position += READ_BYTES) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(READ_BYTES), 0, READ_BYTES, position)
    for (let at = 0; at < bytesRead; at += BATCH_BYTES) take(buffer.subarray(at, at + BATCH_BYTES))
    if (bytesRead < READ_BYTES) return
  }
}

const log: Case = ({ count, measured }) =>
  inFolder(async (folder) => {
    const segments = await SegmentLog.open(folder)
    const write = (i: number): Promise<void> => {
      segments.appendOwned(batchAt(i))
      return segments.sync()
    }
    const read = async (take: (batch: Uint8Array) => void): Promise<void> => {
      const reader = new LogReader(folder, 0)
      while (reader.position < Number(count))
        for (const { payload } of await reader.read(Number(count), READ_BYTES)) take(payload)
      await reader.close()
    }
    return timed({ write, read, close: () => segments.close() }, Number(count), String(measured))
  })

/** An open loop of 20 MB/s: a batch each 13 ms. How long after its sync does a reader in another thread have it? */
const lag: Case = ({ count }) =>
  inFolder(async (folder) => {
    const segments = await SegmentLog.open(folder)
    const thread = new URL('./segment-log-thread.ts', import.meta.url)
    const bootstrap = `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(thread.href)}) })`
    const worker = new Worker(bootstrap, { eval: true, workerData: { directory: folder, count: Number(count) } })
    await once(worker, 'message')
    const reported = once(worker, 'message')
    for (let i = 0; i < Number(count); i++) {
      segments.appendOwned(batchAt(i))
      await segments.sync()
      worker.postMessage({ end: segments.durableSequence, syncedAt: process.hrtime.bigint() })
      await delay(13)
    }
    const [{ p50, p99, most, checksum }] = (await reported) as [LagReport]
    await segments.close()
    return { records: megabytes(Number(count)), seconds: 0, cpuSeconds: 0, checksum, extra: { p50, p99, most } }
  })

async function throughput(bench: Bench, measured: 'write' | 'read', name: string, goal?: number): Promise<Row> {
  const params = { count: Math.round(4000 * bench.scale), measured }
  const [ceiling = [], own = []] = await bench.compare([
    { scenario: 'segment-log', name: 'file', params },
    { scenario: 'segment-log', name: 'log', params },
  ])
  const row = throughputRow(name, own, ceiling, undefined, goal === undefined ? '' : `${goal} MB/s`)
  return { ...row, unit: 'MB/s', met: bench.smoke || goal === undefined ? undefined : row.value >= goal }
}

async function lateness(bench: Bench): Promise<Row> {
  const params = { count: bench.smoke ? 20 : 500 }
  const [own = []] = await bench.compare([{ scenario: 'segment-log', name: 'lag', params }])
  const value = median(own.map(({ extra = {} }: ProcessResult) => extra['p99'] ?? Number.NaN))
  return {
    name: 'segment log, from its sync to the reader in another thread, p99',
    unit: 'ms',
    value,
    better: 'lower',
    goal: '10 ms',
    met: bench.smoke ? undefined : value <= 10,
  }
}

export const segmentLog: Scenario = {
  name: 'segment-log',
  cases: { file, log, lag },
  async measure(bench) {
    return [
      await throughput(bench, 'write', 'segment log, append and sync 256 KiB', 150),
      await throughput(bench, 'read', 'segment log, read 1 GB back'),
      await lateness(bench),
    ]
  },
}
