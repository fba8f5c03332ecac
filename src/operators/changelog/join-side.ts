// One side of a changelog join: the rows of the current key, each with how often it is there and how many partners it has.
//
// Owns: the state of its side. Does not own: which rows match (join.ts).

import type { KeyedContext } from '../../contract/keyed-context.ts'
import type { MapState, StateDescriptor, ValueState } from '../../contract/state.ts'
import { canonicalText } from '../../util/canonical-text.ts'
import { brokenChangelog, type ChangelogMode, notThere } from './row-changes.ts'

/** A row of a side. */
export interface SideRow<T> {
  row: T
  count: number
  /** Rows of the other side that match it, each as often as it is there; kept up to date where a side is outer. */
  partners: number
}

/** What is known of a side when the graph is built. */
export interface SideSpec {
  readonly mode: ChangelogMode
  /** Rows without a partner come out, too. */
  readonly outer: boolean
  /** A key has one row at most. Heeded where rows only come. */
  readonly unique: boolean
}

export type SideName = 'left' | 'right'
export type SideRowName = string | number

/** The state that a side is kept in. */
export function sideState(name: SideName, { mode, unique }: SideSpec): StateDescriptor {
  return { name, kind: mode === 'append' && unique ? 'value' : 'map', options: {} }
}

/** Rows of one side and of the current key. */
export interface JoinSide<T> {
  readonly outer: boolean
  /** No row of this key will come or go any more: what is still to come from the other side need not be kept. */
  readonly settled: boolean
  /** Rows in the order they came, each under a name for changed(). */
  rows(): Iterable<readonly [SideRowName, SideRow<T>]>
  add(row: T, partners: number): void
  remove(row: T): void
  /** After a row's partners were changed. */
  changed(name: SideRowName, row: SideRow<T>): void
  clear(): void
}

export function openSide<T>(node: string, name: SideName, spec: SideSpec, keyed: KeyedContext): JoinSide<T> {
  const state = keyed.register(sideState(name, spec))
  if (spec.mode === 'append' && spec.unique) return new UniqueSide(node, spec, state as ValueState<SideRow<T>>)
  const map = state as MapState<SideRowName, SideRow<T>>
  return spec.mode === 'append' ? new GrowingSide(node, spec, map) : new CountedSide(node, spec, map)
}

const NO_ROWS: readonly (readonly [SideRowName, never])[] = []

/** One row for each key, for ever. */
class UniqueSide<T> implements JoinSide<T> {
  readonly outer: boolean
  readonly #node: string
  readonly #state: ValueState<SideRow<T>>
  readonly #one: [SideRowName, SideRow<T>][] = []

  constructor(node: string, { outer }: SideSpec, state: ValueState<SideRow<T>>) {
    this.#node = node
    this.outer = outer
    this.#state = state
  }

  get settled(): boolean {
    return this.#state.get() !== undefined
  }

  rows(): readonly (readonly [SideRowName, SideRow<T>])[] {
    const kept = this.#state.get()
    if (kept === undefined) return NO_ROWS
    if (this.#one[0] === undefined) this.#one[0] = [0, kept]
    else this.#one[0][1] = kept
    return this.#one
  }

  add(row: T, partners: number): void {
    const kept = this.#state.get()
    if (kept !== undefined)
      throw brokenChangelog(this.#node, row, 'its key was said to be unique, and has a row already')
    this.#state.set({ row, count: 1, partners })
  }

  remove(row: T): void {
    throw notThere(this.#node, row)
  }

  changed(_name: SideRowName, row: SideRow<T>): void {
    this.#state.set(row)
  }

  clear(): void {
    this.#state.clear()
  }
}

/** Rows that come and stay, numbered. */
class GrowingSide<T> implements JoinSide<T> {
  readonly outer: boolean
  readonly settled = false
  protected readonly node: string
  protected readonly state: MapState<SideRowName, SideRow<T>>

  constructor(node: string, { outer }: SideSpec, state: MapState<SideRowName, SideRow<T>>) {
    this.node = node
    this.outer = outer
    this.state = state
  }

  rows(): Iterable<readonly [SideRowName, SideRow<T>]> {
    return this.state.size === 0 ? NO_ROWS : this.state.entries()
  }

  add(row: T, partners: number): void {
    this.state.set(this.state.size, { row, count: 1, partners })
  }

  remove(row: T): void {
    throw notThere(this.node, row)
  }

  changed(name: SideRowName, row: SideRow<T>): void {
    this.state.set(name, row)
  }

  clear(): void {
    this.state.clear()
  }
}

/** Rows that come and go, found by what they say. */
class CountedSide<T> extends GrowingSide<T> {
  override add(row: T, partners: number): void {
    const text = canonicalText(row)
    const kept = this.state.get(text)
    this.state.set(text, { row, count: (kept?.count ?? 0) + 1, partners })
  }

  override remove(row: T): void {
    const text = canonicalText(row)
    const kept = this.state.get(text)
    if (kept === undefined) throw notThere(this.node, row)
    if (kept.count === 1) this.state.delete(text)
    else this.state.set(text, { ...kept, count: kept.count - 1 })
  }
}
