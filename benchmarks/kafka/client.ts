// One piece of work on a topic in a process of its own: by Millrace, or by kafkajs alone.

import { runForked } from '../fresh-process.ts'

/** Plain data: it goes across processes. */
export interface Work {
  readonly work: 'consume' | 'produce' | 'count' | 'stall'
  readonly client: 'millrace' | 'kafkajs'
  readonly brokers: string
  readonly topic: string
  /** Where `count` writes to. */
  readonly out?: string
  readonly records: number
  /** Of `produce`. */
  readonly delivery?: 'at-least-once' | 'exactly-once'
  /** Of `produce`: how many different keys there are, each once at first; 0 for records without a key. */
  readonly keys?: number
  readonly valueBytes?: number
  /** Of `stall`: how long the sink stands still. */
  readonly stallMs?: number
}

/** What it took from the first record to the last; memory is the most that the process held, NaN where it is not known. */
export interface WorkResult {
  readonly records: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly memoryMb: number
}

/** Rejects with the process's output if it fails. */
export function perform(work: Work): Promise<WorkResult> {
  const what = `${work.client}: ${work.work} of ${work.topic}`
  return runForked<WorkResult>(new URL('./client-main.ts', import.meta.url), [JSON.stringify(work)], what)
}
