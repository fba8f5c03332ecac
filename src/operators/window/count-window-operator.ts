// CountWindowOperator: windows of so many records of a key, in the order in which they come.
//
// Cut into panes as windows of time are: a record is added to one accumulator, however many windows it is in.
//
//     [records since the last result, arrivals, accumulator 1, accumulator 2, …]
//
// Owns: the panes of each key. Does not own: what becomes of a result (emitter).
//
// I1. All panes are full but the last, which is being filled or full too.
// I2. Between two calls there are no more panes than the next result needs.

import type { KeyedContext } from '../../contract/keyed-context.ts'
import type { Operator, OperatorContext, Output } from '../../contract/operator.ts'
import type { ValueState } from '../../contract/state.ts'
import type { Batch } from '../../record/batch.ts'
import { type CountWindows, GLOBAL_WINDOW } from '../../time/window.ts'
import { present } from '../../util/assert.ts'
import type { Key } from '../../util/key-group.ts'
import { userError } from '../../util/user-error.ts'
import { refusePromise, type WindowEmitter, windowError } from './window-emitter.ts'
import { WINDOWS_STATE, type WindowFold, type WindowSpec } from './window-spec.ts'

type CountState = unknown[]

const SINCE = 0
const ARRIVALS = 1
const FIRST = 2

/** See the head of this file. */
export class CountWindowOperator implements Operator {
  readonly #node: string
  readonly #fold: WindowFold
  readonly #emitter: WindowEmitter
  readonly #size: number
  readonly #slide: number
  readonly #paneSize: number
  #keyed!: KeyedContext
  #state!: ValueState<CountState>

  constructor(spec: WindowSpec, { size, slide }: CountWindows) {
    this.#node = spec.node
    this.#fold = spec.fold
    this.#emitter = spec.createEmitter()
    this.#size = size
    this.#slide = slide
    this.#paneSize = greatestCommonDivisor(size, slide)
  }

  open(context: OperatorContext): void | Promise<void> {
    this.#keyed = present(context.keyed, `keyed context of node "${this.#node}"`)
    this.#state = this.#keyed.register(WINDOWS_STATE) as ValueState<unknown> as ValueState<CountState>
    return this.#emitter.open?.(context)
  }

  process(batch: Batch, out: Output): void {
    const { values, timestamps } = batch
    const keys = present(batch.keys, `keys of a batch for node "${this.#node}"`)
    let i = 0
    try {
      for (; i < values.length; i += 1) {
        const key = keys[i] as Key
        this.#keyed.setCurrentKey(key)
        const panes = this.#state.get() ?? [0, 0]
        this.#add(panes, values[i])
        if (panes[SINCE] === this.#slide) this.#fire(key, panes, timestamps?.[i], out)
        if (panes.length === FIRST && panes[SINCE] === 0) this.#state.clear()
        else this.#state.set(panes)
      }
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
  }

  close(): void | Promise<void> {
    return this.#emitter.close?.()
  }

  #add(panes: CountState, value: unknown): void {
    const since = panes[SINCE] as number
    panes[SINCE] = since + 1
    // Where windows leave gaps, a record that is in none is only counted.
    if (since < this.#slide - this.#size) return
    if (since % this.#paneSize === 0) panes.push(this.#fold.create())
    const last = panes.length - 1
    const after = this.#fold.add(this.#fold.numbered === true ? this.#arrived(panes, value) : value, panes[last])
    refusePromise(after)
    panes[last] = after
  }

  #arrived(panes: CountState, value: unknown): unknown {
    const number = panes[ARRIVALS] as number
    panes[ARRIVALS] = number + 1
    return [number, value]
  }

  #fire(key: Key, panes: CountState, timestamp: number | undefined, out: Output): void {
    try {
      let accumulated = panes.length === FIRST + 1 && this.#size <= this.#slide ? panes[FIRST] : this.#merged(panes)
      accumulated = this.#fold.result(accumulated)
      this.#emitter.emit(key, GLOBAL_WINDOW, accumulated, timestamp, out)
    } catch (error) {
      throw windowError(this.#node, key, GLOBAL_WINDOW, error)
    }
    const kept = Math.max(0, this.#size - this.#slide) / this.#paneSize
    panes.splice(FIRST, Math.max(0, panes.length - FIRST - kept))
    panes[SINCE] = 0
  }

  /** A new accumulator with all that is in the panes, which may be needed again. */
  #merged(panes: CountState): unknown {
    let accumulated = this.#fold.create()
    for (let at = FIRST; at < panes.length; at += 1) accumulated = this.#fold.merge(accumulated, panes[at])
    return accumulated
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
