import type { Output } from '../../contract/operator.ts'
import type { RuntimeContext } from '../../contract/runtime-context.ts'
import { GLOBAL_WINDOW, type TimeWindow } from '../../time/window.ts'
import type { Key } from '../../util/key-group.ts'
import { userErrorIn } from '../../util/user-error.ts'

/** Turns the result of a window into records. */
export interface WindowEmitter {
  open?(context: RuntimeContext): void | Promise<void>
  /** `timestamp`: the event time that the records get. Throws USER_FUNCTION. */
  emit(key: Key, window: TimeWindow, result: unknown, timestamp: number | undefined, out: Output): void
  close?(): void | Promise<void>
}

/** What a row of a window is made of. */
export type WindowRow<K extends Key, Result, Out> = (key: K, window: TimeWindow, result: Result) => Out

/** One record for each result: the result itself, or the row that is made of it. */
export class RowEmitter implements WindowEmitter {
  readonly #rowOf: WindowRow<Key, unknown, unknown> | undefined

  constructor(rowOf: WindowRow<Key, unknown, unknown> | undefined) {
    this.#rowOf = rowOf
  }

  emit(key: Key, window: TimeWindow, result: unknown, timestamp: number | undefined, out: Output): void {
    refusePromise(result)
    const row = this.#rowOf === undefined ? result : this.#row(key, window, result)
    out.emit(row, timestamp)
  }

  #row(key: Key, window: TimeWindow, result: unknown): unknown {
    const row = this.#rowOf?.(key, window, result)
    refusePromise(row)
    return row
  }
}

/** Throws for a promise: functions of windows are synchronous, nobody would wait for it. */
export function refusePromise(value: unknown): void {
  if (typeof value === 'object' && value instanceof Promise) {
    // Whatever becomes of it, it has been told about.
    value.catch(() => undefined)
    throw new TypeError(
      'it returned a promise: functions of windows are synchronous (make asynchronous calls in a node of their own)',
    )
  }
}

/** What was thrown while a window gave its result, with the node, the key and the window named. */
export function windowError(node: string, key: Key, window: TimeWindow, thrown: unknown): unknown {
  return userErrorIn(node, `${windowText(window)} of key ${String(key)}`, thrown)
}

function windowText(window: TimeWindow): string {
  if (window.start === GLOBAL_WINDOW.start) return 'the window'
  return `the window from ${instant(window.start)} to ${instant(window.end)}`
}

function instant(timestampMs: number): string {
  const date = new Date(timestampMs)
  return Number.isNaN(date.getTime()) ? String(timestampMs) : date.toISOString()
}
