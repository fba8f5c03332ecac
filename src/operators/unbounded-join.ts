// UnboundedJoinOperator: every record of one stream with every record of the other of the same key, whenever they came.
//
// Owns: what is kept of the records of both streams, by key. Does not own: how long a key is remembered (the states' time to live).
//
// I1. A pair makes one row, when the later of its records comes.
// I2. A side said to have one record per key has one: a second is refused, never joined in part.
// I3. Of the other side, only what still waits for that one record is kept.

import type { KeyedContext } from '../contract/keyed-context.ts'
import type { Operator, OperatorContext, Output } from '../contract/operator.ts'
import type { ListState, StateDescriptor, StateKind, ValueState } from '../contract/state.ts'
import type { Batch } from '../record/batch.ts'
import { checkDuration } from '../time/window.ts'
import { present } from '../util/assert.ts'
import type { Key } from '../util/key-group.ts'
import { userError } from '../util/user-error.ts'
import { BatchCollector } from './collector.ts'
import type { JoinFunction } from './join-type.ts'

/** What is known of one stream of an unbounded join. */
export interface UnboundedJoinSide<T, Kept> {
  /** Each key has one record in this stream at most: state and time are spared, a second record is an error. Default false. */
  readonly one?: boolean
  /**
   * What the rows need of a record: the less, the smaller the state. Undefined or null: the record makes no rows, and if it is the
   * one of its key, the others of that key need not wait for it. Default: all of it.
   */
  readonly keep?: (value: T) => Kept | undefined | null
  /** How long a record is remembered after it came, in processing time. Default: that of the join. */
  readonly ttlMs?: number
}

/** Options of an unbounded join. */
export interface UnboundedJoinOptions<A, B, KeptA, KeptB> {
  /** How long a record waits for partners, in processing time. Default: for ever, so that state grows with the number of records. */
  readonly ttlMs?: number
  readonly left?: UnboundedJoinSide<A, KeptA>
  readonly right?: UnboundedJoinSide<B, KeptB>
}

type AnySide = UnboundedJoinSide<unknown, unknown>
/** As the operator sees the options of any join. */
export type AnyUnboundedJoinOptions = UnboundedJoinOptions<unknown, unknown, unknown, unknown>

/** The states of an unbounded join: a value for a side with one record per key, a list for the others. */
export function unboundedJoinStates(options: AnyUnboundedJoinOptions): readonly [StateDescriptor, StateDescriptor] {
  const state = (name: string, side: AnySide | undefined): StateDescriptor => {
    const kind: StateKind = side?.one === true ? 'value' : 'list'
    const ttlMs = side?.ttlMs ?? options.ttlMs
    return { name, kind, options: ttlMs === undefined ? {} : { ttl: { ttlMs } } }
  }
  return [state('left', options.left), state('right', options.right)]
}

/** Throws CONFIG_INVALID, which names the node and the option. */
export function checkUnboundedJoin(node: string, { ttlMs, left, right }: AnyUnboundedJoinOptions): void {
  if (ttlMs !== undefined) checkDuration(node, 'ttlMs', ttlMs)
  if (left?.ttlMs !== undefined) checkDuration(node, 'left.ttlMs', left.ttlMs)
  if (right?.ttlMs !== undefined) checkDuration(node, 'right.ttlMs', right.ttlMs)
}

interface Side {
  readonly name: string
  readonly keep: ((value: unknown) => unknown) | undefined
  /** The one of the two that the side has. */
  readonly one: ValueState<unknown> | undefined
  readonly many: ListState<unknown> | undefined
  /** In place of the one record of a key if that makes no rows: only where there is a keep(), for a record may be null. */
  readonly noRows: null | undefined
}

/** See the head of this file. */
export class UnboundedJoinOperator implements Operator {
  readonly #node: string
  readonly #options: AnyUnboundedJoinOptions
  readonly #rowOf: JoinFunction
  readonly #collector: BatchCollector<unknown>
  #keyed: KeyedContext | undefined
  #sides: readonly [Side, Side] | undefined

  constructor(node: string, options: AnyUnboundedJoinOptions, rowOf: JoinFunction) {
    this.#node = node
    this.#options = options
    this.#rowOf = rowOf
    this.#collector = new BatchCollector(node)
  }

  open(context: OperatorContext): void {
    const keyed = present(context.keyed, `keyed context of node "${this.#node}"`)
    this.#keyed = keyed
    const [left, right] = unboundedJoinStates(this.#options)
    this.#sides = [openSide(keyed, left, this.#options.left), openSide(keyed, right, this.#options.right)]
  }

  process(batch: Batch, out: Output, input: number): void {
    const { values, timestamps } = batch
    const keys = present(batch.keys, `keys of a batch for node "${this.#node}"`)
    const keyed = this.#keyed as KeyedContext
    const [left, right] = this.#sides as readonly [Side, Side]
    const [own, other] = input === 0 ? [left, right] : [right, left]
    const { keep } = own
    const collector = this.#collector
    collector.begin(out)
    let i = 0
    try {
      for (; i < values.length; i += 1) {
        keyed.setCurrentKey(keys[i] as Key)
        collector.timestamp = timestamps === undefined ? undefined : timestamps[i]
        const value = values[i]
        const kept = keep === undefined ? value : (keep(value) ?? undefined)
        if (own.one !== undefined) this.#takeOne(own, kept, other, input)
        else if (other.one !== undefined) this.#meetOne(kept, own, other, input)
        else this.#meetMany(kept, own, other, input)
      }
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
    collector.end()
  }

  /** The one record of its key: those that waited for it have waited long enough. */
  #takeOne(own: Side, kept: unknown, other: Side, input: number): void {
    if (own.one?.get() !== undefined) {
      throw new Error(
        `its key has had a record, and the ${own.name} stream was said to have one per key ({ one: true })`,
      )
    }
    own.one?.set(kept === undefined ? null : kept)
    if (other.one !== undefined) {
      const partner = other.one.get()
      if (kept !== undefined && partner !== undefined && partner !== other.noRows) this.#emit(kept, partner, input)
      return
    }
    const waiting = (other.many as ListState<unknown>).get()
    if (waiting.length === 0) return
    if (kept !== undefined) for (let i = 0; i < waiting.length; i += 1) this.#emit(kept, waiting[i], input)
    other.many?.clear()
  }

  /** One of many, of which each meets one record: it need not be kept once that is there. */
  #meetOne(kept: unknown, own: Side, other: Side, input: number): void {
    if (kept === undefined) return
    const partner = other.one?.get()
    if (partner === undefined) own.many?.add(kept)
    else if (partner !== other.noRows) this.#emit(kept, partner, input)
  }

  #meetMany(kept: unknown, own: Side, other: Side, input: number): void {
    if (kept === undefined) return
    own.many?.add(kept)
    const partners = (other.many as ListState<unknown>).get()
    for (let i = 0; i < partners.length; i += 1) this.#emit(kept, partners[i], input)
  }

  #emit(own: unknown, other: unknown, input: number): void {
    const rowOf = this.#rowOf
    this.#collector.emit(input === 0 ? rowOf(own, other) : rowOf(other, own))
  }
}

function openSide(keyed: KeyedContext, descriptor: StateDescriptor, side: AnySide | undefined): Side {
  const state = keyed.register(descriptor)
  const isOne = descriptor.kind === 'value'
  return {
    name: descriptor.name,
    keep: side?.keep,
    one: isOne ? (state as ValueState<unknown>) : undefined,
    many: isOne ? undefined : (state as ListState<unknown>),
    noRows: side?.keep === undefined ? undefined : null,
  }
}
