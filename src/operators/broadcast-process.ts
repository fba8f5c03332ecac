// BroadcastProcessOperator: runs a BroadcastProcessFunction, or the keyed one, over a stream (input 0) and a broadcast one (input 1).
//
// Owns: the broadcast state's place in checkpoints. Does not own: the state itself (BroadcastMap).
//
// I1. Every subtask has the same broadcast state at a barrier, so each keeps its own, and any former subtask's serves a new one.
// I2. It is writable only while processBroadcast runs.

import type { BroadcastProcessFunction, KeyedBroadcastProcessFunction } from '../contract/broadcast-function.ts'
import { type BroadcastMap, broadcastMapsOf } from '../contract/broadcast-state.ts'
import type { KeyedContext } from '../contract/keyed-context.ts'
import type { Operator, OperatorContext, Output } from '../contract/operator.ts'
import { bindStates } from '../contract/process-function.ts'
import { MillraceError } from '../errors.ts'
import type { Batch } from '../record/batch.ts'
import { present } from '../util/assert.ts'
import type { Key } from '../util/key-group.ts'
import { userError } from '../util/user-error.ts'
import { BatchCollector } from './collector.ts'
import { callEndOfInput, callOnTimer } from './function-calls.ts'
import { KeyedFunctionContext, UnkeyedFunctionContext } from './function-context.ts'
import { claim } from './user-function.ts'

/** Either kind, as the operator calls it. */
export type AnyBroadcastFunction =
  | BroadcastProcessFunction<unknown, unknown, unknown>
  | KeyedBroadcastProcessFunction<Key, unknown, unknown, unknown>

/** By name of the state, its entries. */
type Saved = Readonly<Record<string, readonly (readonly [string | number, unknown])[]>>

/** See the head of this file. */
export class BroadcastProcessOperator implements Operator {
  readonly #node: string
  readonly #fn: AnyBroadcastFunction
  readonly #maps: readonly BroadcastMap[]
  readonly #collector: BatchCollector<unknown>
  readonly #unkeyed: UnkeyedFunctionContext
  #keyed: KeyedContext | undefined
  #context: KeyedFunctionContext<Key> | undefined

  constructor(node: string, fn: AnyBroadcastFunction) {
    this.#node = node
    this.#fn = fn
    this.#maps = broadcastMapsOf(fn)
    this.#collector = new BatchCollector(node)
    this.#unkeyed = new UnkeyedFunctionContext(node)
  }

  open(context: OperatorContext): void | Promise<void> {
    claim(this.#node, this.#fn)
    const { keyed } = context
    if (keyed !== undefined) {
      this.#keyed = keyed
      this.#context = new KeyedFunctionContext<Key>(keyed.timers, '')
      bindStates(this.#fn, this.#node, (descriptor) => keyed.register(descriptor))
    }
    const [saved] = context.restored as readonly Saved[]
    if (saved !== undefined) this.#restore(saved)
    return this.#fn.open(context)
  }

  process(batch: Batch, out: Output, input: number): void {
    this.#collector.begin(out)
    if (input === 1) this.#setWritable(true)
    try {
      if (input === 0) this.#processEach(batch)
      else this.#broadcastEach(batch)
    } finally {
      this.#setWritable(false)
    }
    this.#collector.end()
  }

  onTimer(timestamp: number, domain: 'event' | 'processing', key: Key, out: Output): void {
    const fn = this.#fn as KeyedBroadcastProcessFunction<Key, unknown, unknown, unknown>
    const context = present(this.#context, `keyed context of node "${this.#node}"`)
    callOnTimer(fn, context, { timestamp, domain, key }, { node: this.#node, collector: this.#collector, out })
  }

  snapshot(): Saved {
    return Object.fromEntries(this.#maps.map((map) => [map.name, [...map.entries()]]))
  }

  endOfInput(out: Output): void {
    callEndOfInput(this.#fn, { node: this.#node, collector: this.#collector, out })
  }

  close(): void | Promise<void> {
    return this.#fn.close()
  }

  #processEach({ values, timestamps, keys }: Batch): void {
    const fn = this.#fn as KeyedBroadcastProcessFunction<Key, unknown, unknown, unknown>
    // Without a key the function asks for no more than an unkeyed one's context has.
    const context = this.#context ?? this.#unkeyed
    let i = 0
    try {
      for (; i < values.length; i += 1) {
        if (this.#context !== undefined) {
          const key = present(keys, `keys of a batch for node "${this.#node}"`)[i] as Key
          this.#keyed?.setCurrentKey(key)
          this.#context.key = key
        }
        const timestamp = timestamps === undefined ? undefined : timestamps[i]
        context.timestamp = timestamp
        this.#collector.timestamp = timestamp
        fn.process(values[i], context, this.#collector)
      }
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
  }

  #broadcastEach({ values, timestamps }: Batch): void {
    const context = this.#unkeyed
    let i = 0
    try {
      for (; i < values.length; i += 1) {
        const timestamp = timestamps === undefined ? undefined : timestamps[i]
        context.timestamp = timestamp
        this.#collector.timestamp = timestamp
        this.#fn.processBroadcast(values[i], context, this.#collector)
      }
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
  }

  #setWritable(writable: boolean): void {
    for (const map of this.#maps) map.writable = writable
  }

  #restore(saved: Saved): void {
    for (const [name, entries] of Object.entries(saved)) {
      const map = this.#maps.find((one) => one.name === name)
      if (map !== undefined) map.restore(entries)
      else if (entries.length > 0) {
        const details = { state: name, node: this.#node, was: 'broadcast state', now: 'not at all' }
        throw new MillraceError('STATE_INCOMPATIBLE', details)
      }
    }
  }
}
