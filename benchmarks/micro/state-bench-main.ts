// Microbenchmarks of the state backend alone, without a task around it: `tsx benchmarks/micro/state-bench-main.ts [name …]`.
// Each prints one JSON line. CPU is that of the whole process: the thread itself and RocksDB's own.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KeyedBackend } from '../../runtime/state/keyed-backend.ts'
import { openKeyedBackend } from '../../runtime/state/open-keyed-backend.ts'
import type { ListState, ValueState } from '../../src/contract/state.ts'
import { batchOf } from '../../src/record/batch.ts'
import { seededRng } from '../../src/util/rng.ts'

const BATCH = 1024
const KEY_GROUPS = 128
const RANGE = { start: 0, end: KEY_GROUPS }
const scratch = mkdtempSync(join(tmpdir(), 'millrace-bench-state-'))
let opened = 0

function makeBackend(cacheBytes: number): KeyedBackend {
  opened += 1
  return openKeyedBackend({
    node: 'sum',
    subtask: 0,
    keyGroups: KEY_GROUPS,
    range: RANGE,
    workFolder: join(scratch, `work-${opened}`),
    cacheBytes,
    now: Date.now,
  })
}

function sumState(backend: KeyedBackend): ValueState<number> {
  return backend.register({ name: 'sum', kind: 'value', options: {} }) as ValueState<number>
}

function batches(count: number, keys: number, text: boolean): (readonly (number | string)[])[] {
  const rng = seededRng(1)
  return Array.from({ length: count }, () =>
    Array.from({ length: BATCH }, () => (text ? `customer-${rng.int(keys)}` : rng.int(keys))),
  )
}

function report(name: string, figures: Readonly<Record<string, number>>): void {
  const rounded = Object.entries(figures).map(([key, value]) => [key, Number(value.toPrecision(4))])
  process.stdout.write(`${JSON.stringify({ name, ...Object.fromEntries(rounded) })}\n`)
}

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1000
}

/** prefetch, then get and set for each record of a batch: what a task does, without the task. */
async function rawLoop(keys: number, text = false): Promise<void> {
  const backend = makeBackend(1 << 30)
  await backend.open([])
  const sum = sumState(backend)
  const input = batches(4096, keys, text)
  const pass = (): void => {
    for (const batch of input) {
      void backend.prefetch(batch)
      for (let i = 0; i < batch.length; i++) {
        backend.setCurrentKey(batch[i] as number | string)
        sum.set((sum.get() ?? 0) + 1.5)
      }
    }
  }
  pass()
  const cpu = process.cpuUsage()
  const began = performance.now()
  for (let round = 0; round < 4; round++) pass()
  const seconds = (performance.now() - began) / 1000
  const records = input.length * BATCH * 4
  report(`raw loop, ${keys} ${text ? 'text' : 'number'} keys`, {
    recordsPerSecond: records / seconds,
    recordsPerCpuSecond: records / (cpuMs(cpu) / 1000),
    residentBytesPerKey: backend.residentBytes / keys,
  })
  await backend.close()
}

/** A checkpoint of 1 M dirty sums, encoded in slices of 5 ms; the event loop turns between them. */
async function checkpointMillion(): Promise<void> {
  const keys = 1_000_000
  const backend = makeBackend(Number.POSITIVE_INFINITY)
  await backend.open([])
  const sum = sumState(backend)
  for (let round = 1; round <= 3; round++) {
    for (let key = 0; key < keys; key++) {
      backend.setCurrentKey(key)
      sum.set((sum.get() ?? 0) + 1.5)
    }
    const cpu = process.cpuUsage()
    const began = performance.now()
    const snapshot = backend.freeze()
    const freezeMs = performance.now() - began
    let slices = 0
    let busyMs = freezeMs
    let longestMs = freezeMs
    for (let done = false; !done; slices++) {
      const from = performance.now()
      done = snapshot.encodeSlice(5)
      const took = performance.now() - from
      busyMs += took
      longestMs = Math.max(longestMs, took)
      await new Promise(setImmediate)
    }
    const encodedMs = performance.now() - began
    const folder = join(scratch, `million-${round}`)
    mkdirSync(folder)
    await snapshot.finish(folder, 'state')
    report('checkpoint of 1 M dirty sums', {
      round,
      freezeMs,
      slices,
      longestSliceMs: longestMs,
      encodeMs: busyMs,
      encodedAfterMs: encodedMs,
      totalMs: performance.now() - began,
      processCpuMs: cpuMs(cpu),
    })
  }
  await backend.close()
}

/** Read-modify-write of random keys where the cache holds a quarter of them. */
async function quarterCache(): Promise<void> {
  const keys = 1_000_000
  const backend = makeBackend((keys / 4) * 170)
  await backend.open([])
  const sum = sumState(backend)
  const input = batches(1500, keys, false)
  const pass = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n++) {
      const batch = input[n] as readonly number[]
      await backend.prefetch(batch)
      for (let ahead = 1; ahead <= 4; ahead++) {
        const next = input[n + ahead]
        if (next !== undefined) backend.prefetchAhead(batchOf(next, undefined, next))
      }
      for (const key of batch) {
        backend.setCurrentKey(key)
        sum.set((sum.get() ?? 0) + 1.5)
      }
    }
  }
  for (let key = 0; key < keys; key += BATCH) {
    const batch = Array.from({ length: BATCH }, (_, i) => key + i)
    await backend.prefetch(batch)
    for (const one of batch) {
      backend.setCurrentKey(one)
      sum.set(1.5)
    }
  }
  await pass(0, 500)
  const cpu = process.cpuUsage()
  const began = performance.now()
  await pass(500, 1500)
  const records = 1000 * BATCH
  report('1 M keys, cache a quarter', {
    recordsPerSecond: records / ((performance.now() - began) / 1000),
    recordsPerCpuSecond: records / (cpuMs(cpu) / 1000),
    residentMb: backend.residentBytes / 2 ** 20,
  })
  await backend.close()
}

/** About 1 GB of state: checkpoint it, then restore by linking; until the first key can be read. */
async function restoreGigabyte(): Promise<void> {
  const backend = makeBackend(64 << 20)
  await backend.open([])
  const list = backend.register({ name: 'blob', kind: 'list', options: {} }) as ListState<string>
  const rng = seededRng(7)
  for (let key = 0; key < 250_000; key += 256) {
    const batch = Array.from({ length: 256 }, (_, i) => key + i)
    await backend.prefetch(batch)
    for (const one of batch) {
      backend.setCurrentKey(one)
      list.set([
        Array.from({ length: 256 }, () =>
          rng
            .int(2 ** 32)
            .toString(36)
            .padEnd(16, 'x'),
        ).join(''),
      ])
    }
  }
  const snapshot = backend.freeze()
  while (!snapshot.encodeSlice(50)) await new Promise(setImmediate)
  const folder = join(scratch, 'gigabyte')
  mkdirSync(folder)
  const finishing = performance.now()
  const handle = await snapshot.finish(folder, 'state')
  const finishMs = performance.now() - finishing
  await backend.close()
  const began = performance.now()
  const restored = makeBackend(64 << 20)
  await restored.open([{ folder, handle }])
  const openMs = performance.now() - began
  restored.register({ name: 'blob', kind: 'list', options: {} })
  await restored.prefetch([1, 77_777])
  report('restore by linking', {
    stateMb: handle.files.reduce((sum, file) => sum + file.bytes, 0) / 2 ** 20,
    files: handle.files.length,
    checkpointFinishMs: finishMs,
    openMs,
    untilFirstReadMs: performance.now() - began,
  })
  await restored.close()
}

const BENCHMARKS: Readonly<Record<string, () => Promise<void>>> = {
  'raw-1k': () => rawLoop(1000),
  'raw-1m': () => rawLoop(1_000_000),
  'raw-1m-text': () => rawLoop(1_000_000, true),
  checkpoint: checkpointMillion,
  quarter: quarterCache,
  restore: restoreGigabyte,
}

const asked = process.argv.slice(2)
try {
  for (const [name, run] of Object.entries(BENCHMARKS)) if (asked.length === 0 || asked.includes(name)) await run()
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
