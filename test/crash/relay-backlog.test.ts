// The receiver is down while much is told: the sender keeps it on disk, not in memory, and it drains.

import { existsSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { bytesBelow } from './bytes-below.ts'
import { RelayEnds } from './relay-ends.ts'

const full = process.env.MILLRACE_FULL === '1'
const timeout = full ? 900_000 : 240_000
const MEMORY_MB = 300
const TEXT_BYTES = 5_000
const STEP = 1_000
/** 150 MB, or 1.5 GB. */
const RECORDS = full ? 300_000 : 30_000

/** The most that a process has held. */
function peakMb(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

// skip: how much memory a process has held is told by Linux only.
it.skipIf(!existsSync('/proc/self/status'))(
  'what waits is on disk, and goes over when the receiver is back',
  { timeout },
  async () => {
    // One subtask each.
    const ends = await RelayEnds.open({ rng: { next: () => 0, int: () => 0 }, sendSettings: ['batchBytes=262144'] })
    const sender = ends.send()
    // As it is taken, so that what is held is what waits, not what a source reads ahead at full speed.
    for (let told = STEP; told <= RECORDS; told += STEP) {
      await ends.tell(STEP, TEXT_BYTES)
      while (bytesBelow(ends.north) < told * TEXT_BYTES) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const receiver = ends.receive()
    await ends.arrived(sender, receiver)
    expect([sender, receiver].map(({ child }) => peakMb(child.pid ?? 0)).filter((mb) => !(mb <= MEMORY_MB))).toEqual([])
    expect(await ends.settle(sender, receiver)).toBe(RECORDS)
  },
)
