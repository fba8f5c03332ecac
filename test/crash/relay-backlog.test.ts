// The receiver is down while much is told: the sender keeps it on disk, not in memory, and it drains, to a disk that is quick or slow.

import { existsSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { BinProcess } from '../support/run-job.ts'
import { bytesBelow } from './bytes-below.ts'
import { RelayEnds } from './relay-ends.ts'

const full = process.env.MILLRACE_FULL === '1'
const MEMORY_MB = 300
const TEXT_BYTES = 5_000
const STEP = 1_000
/** 150 MB, or 300 MB. */
const RECORDS = full ? 60_000 : 30_000

/** The most that a process has held. */
function peakMb({ child }: BinProcess): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024
}

// skip: how much memory a process has held is told by Linux only.
const onLinux = it.skipIf(!existsSync('/proc/self/status'))

/** Where syncs are slow, batches wait for the disk all the time, and the lines for them. */
const DISKS: [name: string, settings: string[]][] = [
  ['a slow disk', ['syncMs=100']],
  ...(full ? [['a quick disk', []] satisfies [string, string[]]] : []),
]

onLinux.each(DISKS)(
  'what waits is on disk, and goes over when the receiver is back, with %s',
  async (_, receiveSettings) => {
    // One subtask each.
    const rng = { next: () => 0, int: () => 0 }
    const ends = await RelayEnds.open({ rng, sendSettings: ['batchBytes=262144'], receiveSettings })
    const sender = ends.send()
    // As it is taken, so that what is held is what waits, not what a source reads ahead at full speed.
    for (let told = STEP; told <= RECORDS; told += STEP) {
      await ends.tell(STEP, TEXT_BYTES)
      while (bytesBelow(ends.north) < told * TEXT_BYTES) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const receiver = ends.receive()
    await ends.arrived(sender, receiver)
    const held = { sender: peakMb(sender), receiver: peakMb(receiver) }
    expect(await ends.settle(sender, receiver)).toBe(RECORDS)
    const tooMuch = Object.entries(held).filter(([, mb]) => !(mb <= MEMORY_MB))
    expect(Object.fromEntries(tooMuch), `MB held by each end: ${JSON.stringify(held)}`).toEqual({})
  },
)
