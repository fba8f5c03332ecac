// What the machine runs between sources and sinks. Users write ProcessFunctions and lambdas; src/operators turns them into this.

import type { Batch } from '../record/batch.ts'
import type { Key } from '../util/key-group.ts'
import type { KeyedContext } from './keyed-context.ts'
import type { RuntimeContext } from './runtime-context.ts'

/** Name of a node's ordinary output; every other name is a side output. */
export const MAIN_OUTPUT = ''

/** Where an operator puts what it makes. Valid during the call it was passed to, except for Operator.openAsync's. */
export interface Output {
  /** Passes a whole batch on (the cheapest way). The batch belongs to the machine afterwards. */
  batch(batch: Batch, output?: string): void
  /** Adds one record to the batch being built. Order across batch() and emit() is kept. */
  emit(value: unknown, timestamp: number | undefined, output?: string): void
  /** To every output, behind all records put out before: only for operators that own their watermarks. */
  watermark(timestamp: number): void
  /** Whether readers shall wait for this operator's watermarks: only for operators that own their watermarks. */
  idle(idle: boolean): void
}

export interface OperatorContext extends RuntimeContext {
  /** Present if the node is keyed. */
  readonly keyed: KeyedContext | undefined
  /** What snapshot() returned in the restored checkpoint, one per former subtask, given to the subtask that inherits it. */
  readonly restored: readonly unknown[]
  /**
   * Asks to be called: `drain(out)` runs soon, between two batches. For operators with results that come later (rx, async I/O).
   * The only member that may be called from outside the machine's calls.
   */
  wake(): void
}

/**
 * One operator in one subtask. The machine calls one method at a time and awaits a returned promise before the next call:
 * nothing else of this operator runs meanwhile. Order: open, then any of process/watermark/status/onTimer/drain/finishEpoch+snapshot,
 * then endOfInput once (then still finishEpoch+snapshot), then close. After a throw only close is called.
 *
 * In batch mode a keyed node gets its records when all of them are there, one key after the other: process with batches of this key alone
 * (ordered by event time, then input, then arrival; records without event time first), endOfKey. Event time begins anew with each key
 * (currentWatermark() is -Infinity), is right before the last record of each batch when that was processed, so that none is late, and at
 * its end (MAX_WATERMARK) after the last batch: each time onTimer is called for what is due, in the end also for what a timer sets. Inputs
 * that are not spread by key (broadcast) come whole before the first key. watermark() is called once, with the end of event time, after
 * the last key.
 */
export interface Operator {
  /**
   * True: the watermarks and the status of the inputs are told to this operator and not passed on; it puts out its own. The end of
   * event time (MAX_WATERMARK) is passed on in any case, after endOfInput.
   */
  readonly ownsWatermarks?: boolean
  open?(context: OperatorContext): void | Promise<void>
  /** One batch of input `input` (0 except for two-input nodes). If the node is keyed, batch.keys is there and prefetched. */
  process(batch: Batch, out: Output, input: number): void | Promise<void>
  /** The minimum watermark over all inputs rose. It is passed on after this returns. Due event timers have fired. */
  watermark?(timestamp: number, out: Output): void | Promise<void>
  /** All inputs are idle, or one is active again. It is passed on after this returns. */
  status?(idle: boolean, out: Output): void
  /** A timer of this key fired; the current key is set. */
  onTimer?(timestamp: number, domain: 'event' | 'processing', key: Key, out: Output): void
  /**
   * Batch mode (context.mode), keyed nodes only: all records of this key have been processed and its timers have fired; its state is
   * still there, and dropped after this returns. Where each record would make a row that replaces the one before, emit the last one here.
   */
  endOfKey?(key: Key, out: Output): void
  /** After wake(). */
  drain?(out: Output): void | Promise<void>
  /** The barrier of checkpoint `id` is here: emit what must belong to this epoch. It is passed on after this returns. */
  finishEpoch?(id: number, out: Output): void | Promise<void>
  /** Small state that is not keyed, right after finishEpoch; must survive msgpack; undefined: none. Keyed state is the machine's affair. */
  snapshot?(): unknown
  /** The checkpoint is complete. */
  checkpointComplete?(id: number): void | Promise<void>
  /** Every input has ended. */
  endOfInput?(out: Output): void | Promise<void>
  /** Always called, also after a failure or a failed open. */
  close?(): void | Promise<void>
}
