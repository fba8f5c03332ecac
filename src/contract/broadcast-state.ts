// BroadcastMap: a map that every subtask has whole, in the heap.
//
// Owns: its entries. Does not own: when it may be changed (the operator), its place in checkpoints.
//
// I1. It changes only while `writable` is set: what one subtask alone changed would make the subtasks differ.

import { MillraceError } from '../errors.ts'
import type { MapState } from './state.ts'

/** Where a function keeps the broadcast states that it declared. */
export const BROADCAST_MAPS = Symbol.for('millrace.state.broadcast')

/** See the head of this file. */
export class BroadcastMap implements MapState<string | number, unknown> {
  readonly name: string
  writable = false
  readonly #items = new Map<string | number, unknown>()

  constructor(name: string) {
    this.name = name
  }

  get size(): number {
    return this.#items.size
  }

  get(key: string | number): unknown {
    return this.#items.get(key)
  }

  has(key: string | number): boolean {
    return this.#items.has(key)
  }

  set(key: string | number, value: unknown): void {
    this.#changeable().set(key, value)
  }

  delete(key: string | number): void {
    this.#changeable().delete(key)
  }

  entries(): IterableIterator<[string | number, unknown]> {
    return this.#items.entries()
  }

  clear(): void {
    this.#changeable().clear()
  }

  /** For the operator. */
  restore(entries: Iterable<readonly [string | number, unknown]>): void {
    for (const [key, value] of entries) this.#items.set(key, value)
  }

  #changeable(): Map<string | number, unknown> {
    if (this.writable) return this.#items
    throw new Error(
      `broadcast state "${this.name}" may be changed in processBroadcast only: elsewhere the subtasks would come to differ`,
    )
  }
}

/** For the functions' classes: a new map among those of the function. Throws STATE_DUPLICATE. */
export function declareBroadcast<K extends string | number, V>(fn: object, name: string): MapState<K, V> {
  const maps = broadcastMapsOf(fn)
  if (maps.some((map) => map.name === name)) {
    throw new MillraceError('STATE_DUPLICATE', { node: `new ${fn.constructor.name}()`, state: name })
  }
  const map = new BroadcastMap(name)
  maps.push(map)
  return map as unknown as MapState<K, V>
}

/** For src/operators: the broadcast states a function declared. */
export function broadcastMapsOf(fn: object): BroadcastMap[] {
  return (fn as { readonly [BROADCAST_MAPS]: BroadcastMap[] })[BROADCAST_MAPS]
}
