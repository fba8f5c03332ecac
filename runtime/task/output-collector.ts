// OutputCollector: where one node's operator puts what it makes, and how that reaches the nodes and edges that read it.
//
// Owns: batches and signals made during one call of the operator. Does not own: what is behind the targets.
//
// I1. Order is kept per output, signals among records. I2. After flush() (and its promise) nothing waits here. I3. Batches have at most BATCH_SLICE records.

import { MAIN_OUTPUT, type Output } from '../../src/contract/operator.ts'
import { BATCH_RECORDS, type Batch, batchOf } from '../../src/record/batch.ts'
import type { StreamStatus, Watermark } from '../../src/record/element.ts'
import { BatchBuffer } from '../channel/batch-buffer.ts'
import type { Pending } from '../channel/channel.ts'

/** A reader of a node's output: a node of the same chain, or an edge to other tasks. */
export interface Target {
  push(batch: Batch): Pending
  /** What is said of event time, in order with the batches. */
  signal(signal: Signal): Pending
}

type Signal = Watermark | StreamStatus

/** Larger batches are cut: memory and the time between two looks at the mailbox stay bounded. */
const BATCH_SLICE = 4 * BATCH_RECORDS

/** One output of the node. */
class Outlet {
  readonly targets: readonly Target[]
  readonly buffer = new BatchBuffer()
  queue: (Batch | Signal)[] = []

  constructor(targets: readonly Target[]) {
    this.targets = targets
  }

  close(): void {
    const batch = this.buffer.take()
    if (batch !== undefined) this.queue.push(batch)
  }

  signal(signal: Signal): void {
    if (this.targets.length === 0) return
    this.close()
    this.queue.push(signal)
  }
}

/** Collects during a call, passes on after it. */
export class OutputCollector implements Output {
  readonly #main: Outlet
  readonly #side: ReadonlyMap<string, Outlet>
  readonly #count: (records: number) => void
  readonly #reached: (timestamp: number) => void

  /**
   * `targets` by output name. What goes to an output that nobody reads is dropped. `count` hears of all records made, `reached` of all
   * watermarks.
   */
  constructor(
    targets: ReadonlyMap<string, readonly Target[]>,
    count: (records: number) => void,
    reached: (timestamp: number) => void,
  ) {
    this.#main = new Outlet(targets.get(MAIN_OUTPUT) ?? [])
    this.#side = new Map(
      [...targets].filter(([name]) => name !== MAIN_OUTPUT).map(([name, readers]) => [name, new Outlet(readers)]),
    )
    this.#count = count
    this.#reached = reached
  }

  batch(batch: Batch, output: string = MAIN_OUTPUT): void {
    const { length } = batch.values
    if (length === 0) return
    this.#count(length)
    const outlet = this.#outlet(output)
    if (outlet === undefined) return
    outlet.close()
    if (length <= BATCH_SLICE) outlet.queue.push(batch)
    else pushSlices(batch, outlet.queue)
  }

  emit(value: unknown, timestamp: number | undefined, output: string = MAIN_OUTPUT): void {
    this.#count(1)
    const outlet = this.#outlet(output)
    if (outlet === undefined) return
    const { buffer } = outlet
    if (buffer.length >= BATCH_RECORDS || !buffer.accepts(timestamp, undefined)) outlet.close()
    buffer.add(value, timestamp, undefined)
  }

  watermark(timestamp: number): void {
    this.#reached(timestamp)
    this.#signal({ kind: 'watermark', timestamp })
  }

  idle(idle: boolean): void {
    this.#signal({ kind: 'status', idle })
  }

  /** Passes on all that was collected. */
  flush(): Pending {
    let pending = flushOutlet(this.#main)
    if (this.#side.size === 0) return pending
    for (const outlet of this.#side.values()) {
      pending = pending === undefined ? flushOutlet(outlet) : pending.then(() => flushOutlet(outlet))
    }
    return pending
  }

  #signal(signal: Signal): void {
    this.#main.signal(signal)
    if (this.#side.size > 0) for (const outlet of this.#side.values()) outlet.signal(signal)
  }

  #outlet(output: string): Outlet | undefined {
    return output === MAIN_OUTPUT ? this.#main : this.#side.get(output)
  }
}

function pushSlices(batch: Batch, into: (Batch | Signal)[]): void {
  const { values, timestamps, keys } = batch
  for (let start = 0; start < values.length; start += BATCH_SLICE) {
    const end = start + BATCH_SLICE
    into.push(batchOf(values.slice(start, end), timestamps?.slice(start, end), keys?.slice(start, end)))
  }
}

/** Without a promise as long as no target needs waiting for. */
function flushOutlet(outlet: Outlet): Pending {
  outlet.close()
  if (outlet.queue.length === 0) return undefined
  const { queue, targets } = outlet
  outlet.queue = []
  for (let i = 0; i < queue.length; i += 1) {
    for (let t = 0; t < targets.length; t += 1) {
      const pending = hand(queue[i] as Batch | Signal, targets[t] as Target)
      if (pending !== undefined) return flushRest(targets, queue, { at: i, target: t + 1 }, pending)
    }
  }
  return undefined
}

function hand(element: Batch | Signal, target: Target): Pending {
  return element.kind === 'batch' ? target.push(element) : target.signal(element)
}

async function flushRest(
  targets: readonly Target[],
  queue: readonly (Batch | Signal)[],
  next: { readonly at: number; readonly target: number },
  pending: Promise<void>,
): Promise<void> {
  await pending
  let t = next.target
  for (const element of queue.slice(next.at)) {
    for (; t < targets.length; t += 1) {
      const waiting = hand(element, targets[t] as Target)
      if (waiting !== undefined) await waiting
    }
    t = 0
  }
}
