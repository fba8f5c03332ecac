// Follows a copy on its way: how far the target is, and what each process has taken until then.

import { setTimeout } from 'node:timers/promises'
import type { Broker } from '../kafka/broker.ts'
import { cpuSeconds, peakMb, type Running } from './processes.ts'

const EVERY_MS = 50

/** One look at a copy. */
export interface Look {
  /** Since the beginning of the following. */
  readonly atMs: number
  /** Where the target's partitions end, summed. */
  readonly end: number
  /** Of each process, since its start. */
  readonly cpuSeconds: readonly number[]
}

export interface Followed {
  /** At each change, oldest first: from the first record in the target to the last. */
  readonly looks: readonly Look[]
  /** The most that each process held. */
  readonly peakMb: readonly number[]
}

export interface Copy {
  readonly broker: Broker
  readonly topic: string
  /** Records that are in the target when it is done. */
  readonly records: number
  /** Done when nothing has changed for so long: markers of transactions come behind the records. */
  readonly quietMs: number
  readonly processes: readonly Running[]
}

/** Follows until the copy is done. Throws what the processes said if it stands still for so long. */
export async function follow(copy: Copy, stillMs = 120_000): Promise<Followed> {
  const { broker, topic, records, quietMs, processes } = copy
  const startMs = performance.now()
  const looks: Look[] = []
  let changedMs = startMs
  for (let seen = 0; ; ) {
    const end = await broker.end(topic)
    const nowMs = performance.now()
    if (end !== seen) {
      looks.push({ atMs: nowMs - startMs, end, cpuSeconds: processes.map(({ pid }) => cpuSeconds(pid)) })
      changedMs = nowMs
      seen = end
    }
    if (seen >= records && nowMs - changedMs > quietMs) break
    if (nowMs - changedMs > stillMs)
      throw new StandsStill(
        `${topic} stands at ${seen} of ${records}:\n${processes.map((one) => one.output()).join('\n')}`,
      )
    await setTimeout(EVERY_MS)
  }
  return { looks, peakMb: processes.map(({ pid }) => peakMb(pid)) }
}

/** What was followed does nothing any more. */
export class StandsStill extends Error {}
