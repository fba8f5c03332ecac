// OneKeyBackend: keyed state of a node in a batch run, which has one key at a time: nothing is kept of those before.
//
// Owns: the state and the timers of the present key. Does not own: which key comes when (batch-node).
//
// I1. Between begin(key) and end() that key alone can be set.
// I2. After end() nothing is left of the key.

import type { AnyState, StateDescriptor } from '../../src/contract/state.ts'
import { MillraceError } from '../../src/errors.ts'
import { assert } from '../../src/util/assert.ts'
import type { Key } from '../../src/util/key-group.ts'
import { EntryCache } from './entry-cache.ts'
import { KeyEntry } from './key-entry.ts'
import type { FiredTimer, KeyedBackend, KeyedSnapshot } from './keyed-backend.ts'
import { makeState } from './make-state.ts'
import { OneKeyTimers } from './one-key-timers.ts'
import { bindState } from './registered-state.ts'
import { StateTable } from './state-table.ts'

/** A state backend that is told which key is at hand. */
export interface OneKeyBackend extends KeyedBackend {
  readonly timers: OneKeyTimers
  /** From now on this key is at hand. */
  begin(key: Key): void
  /** Drops all that is kept of the key. */
  end(): void
}

/** Makes a backend without a database. */
export function openOneKeyBackend(options: { readonly node: string; readonly now: () => number }): OneKeyBackend {
  return new HeapOfOneKey(options)
}

class HeapOfOneKey implements OneKeyBackend {
  readonly timers: OneKeyTimers
  readonly #options: { readonly node: string; readonly now: () => number }
  readonly #cache = new EntryCache()
  readonly #noKey = this.#cache.current
  readonly #registered = new Set<string>()
  readonly #table = new StateTable()

  constructor(options: { readonly node: string; readonly now: () => number }) {
    this.#options = options
    this.timers = new OneKeyTimers(options.now)
  }

  get residentBytes(): number {
    return this.#cache.residentBytes
  }

  open(): Promise<void> {
    return Promise.resolve()
  }

  register(descriptor: StateDescriptor): AnyState {
    const { node } = this.#options
    if (this.#registered.has(descriptor.name))
      throw new MillraceError('STATE_DUPLICATE', { node, state: descriptor.name })
    const { state } = bindState(descriptor, this.#registered.size, this.#table, this.#options)
    this.#registered.add(descriptor.name)
    return makeState(state, descriptor, this.#cache)
  }

  begin(key: Key): void {
    const entry = new KeyEntry(key)
    // As if it were listed already: nobody will ask for what changed.
    entry.dirty = this.#cache.dirty.epoch
    this.#cache.current = entry
    this.timers.watermark = Number.NEGATIVE_INFINITY
  }

  end(): void {
    const cache = this.#cache
    cache.residentBytes -= cache.current.bytes
    cache.current = this.#noKey
    this.timers.clear()
  }

  setCurrentKey(key: Key): void {
    // The machine gives the operator the key that it began.
    assert(key === this.#cache.current.key || typeof key === 'object', 'in a batch run the key at hand alone is set')
  }

  prefetch(): undefined {
    return undefined
  }

  prefetchAhead(): void {}

  readDueTimers(): undefined {
    return undefined
  }

  /** Timers fire at the end of their key only, and are taken one by one. */
  takeDueTimers(): readonly FiredTimer[] {
    return []
  }

  nextTimer(): undefined {
    return undefined
  }

  advanceWatermark(): void {}

  freeze(): KeyedSnapshot {
    throw new MillraceError('INVARIANT', { what: 'the state of a batch run is in no checkpoint' })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
