// SnapshotWriter: one snapshot of one database, from the freeze to the linked folder.
//
// Owns: the frozen lists, groups of rows on their way into the database.
// Does not own: entries and timers (it sets their `dirty`), the folder of the checkpoint.
//
// I1. An entry or timer is encoded as it was at the barrier: in its turn, or before it is touched.
// I2. Groups are written as they fill, after all writes from before the barrier; nothing younger is written until the end.
// I3. Whatever is not known to be written when the snapshot is given up is dirty again.

import { join } from 'node:path'
import { MillraceError } from '../../src/errors.ts'
import { assert } from '../../src/util/assert.ts'
import type { Deferred } from '../../src/util/deferred.ts'
import { deferred } from '../../src/util/deferred.ts'
import { failpoint } from '../../src/util/failpoint.ts'
import type { StateFile, StateHandle } from '../checkpoint/snapshot.ts'
import type { EntryCache } from './entry-cache.ts'
import type { EntryCodec } from './entry-codec.ts'
import type { KeyEntry } from './key-entry.ts'
import { CLEAN, ENCODED, STORED } from './key-entry.ts'
import type { KeyedSnapshot } from './keyed-backend.ts'
import type { KeyedTimers } from './keyed-timers.ts'
import type { RocksStore } from './rocks-store.ts'
import { META_ROW } from './row-key.ts'
import { inRowOrder } from './row-order.ts'
import type { Timer } from './timer.ts'
import { WriteGroup } from './write-group.ts'

const CLOCK_EVERY = 32
/** Frozen entries brought into order at once: takes about a millisecond. */
const STRETCH = 8192

export interface SnapshotParts {
  readonly cache: EntryCache
  readonly codec: EntryCodec
  readonly store: RocksStore
  readonly timers: KeyedTimers
  readonly keyGroups: number
  readonly frozenEpoch: number
  readonly entries: readonly KeyEntry[]
  readonly frozenTimers: readonly Timer[]
  /** The meta row as of the barrier. */
  readonly meta: Buffer
  /** Resolves when all writes from before the barrier are done. */
  readonly earlierWrites: Promise<void>
  /** Links the database into the checkpoint. */
  readonly link: (target: string) => Promise<readonly StateFile[]>
  readonly handle: Omit<StateHandle, 'folder' | 'files'>
  /** An entry is clean now and was found to hold nothing. */
  readonly onEmpty: (entry: KeyEntry) => void
  readonly onEnd: () => void
}

export class SnapshotWriter implements KeyedSnapshot {
  readonly #parts: SnapshotParts
  #at = 0
  #stretch: readonly KeyEntry[] = []
  #encoded = false
  #ended = false
  #group: WriteGroup
  #queue: WriteGroup[] = []
  #inFlight: WriteGroup | undefined
  #started = false
  #failure: unknown
  #drained: Deferred | undefined
  #finishing: Promise<StateHandle> | undefined

  constructor(parts: SnapshotParts) {
    this.#parts = parts
    this.#group = new WriteGroup(parts.store.batch())
    void parts.earlierWrites.then(() => this.#start())
  }

  get encoded(): boolean {
    return this.#encoded
  }

  /** Settles with finish(), if that was called. Never rejects. */
  get finishing(): Promise<unknown> | undefined {
    return this.#finishing?.catch(() => undefined)
  }

  encodeSlice(budgetMs: number): boolean {
    if (this.#encoded) return true
    assert(!this.#ended, 'a snapshot is encoded before it ends')
    const until = performance.now() + budgetMs
    const { entries, frozenTimers } = this.#parts
    const total = entries.length + frozenTimers.length
    while (this.#at < total) {
      if (this.#at < entries.length) this.beforeTouch(this.#inOrder(this.#at))
      else this.beforeTimerChange(frozenTimers[this.#at - entries.length] as Timer)
      this.#at += 1
      if (this.#at % CLOCK_EVERY === 0 && performance.now() >= until) return false
    }
    this.#encoded = true
    this.#seal()
    return true
  }

  /** A stretch of the list is brought into the order of rows when its turn comes. */
  #inOrder(at: number): KeyEntry {
    const { entries, keyGroups } = this.#parts
    const place = at % STRETCH
    if (place === 0) this.#stretch = inRowOrder(entries.slice(at, at + STRETCH), keyGroups)
    return this.#stretch[place] as KeyEntry
  }

  /** Encodes a frozen entry now. */
  beforeTouch(entry: KeyEntry): void {
    if (entry.dirty !== this.#parts.frozenEpoch) return
    this.#parts.codec.encode(entry, this.#group.batch, this.#group.maps)
    entry.dirty = ENCODED
    this.#group.entries.push(entry)
    this.#parts.cache.recharge(entry)
    if (this.#group.full) this.#seal()
  }

  /** Encodes a frozen timer now. */
  beforeTimerChange(timer: Timer): void {
    if (timer.dirty !== this.#parts.frozenEpoch) return
    this.#parts.timers.encode(timer, this.#group.batch)
    timer.dirty = ENCODED
    this.#group.timers.push(timer)
    if (this.#group.full) this.#seal()
  }

  finish(checkpointFolder: string, folderName: string): Promise<StateHandle> {
    assert(this.#encoded, 'a snapshot is encoded before it is finished')
    assert(this.#finishing === undefined, 'a snapshot is finished once')
    this.#finishing = this.#finish(checkpointFolder, folderName).catch((error: unknown) => {
      this.abandon()
      throw error
    })
    return this.#finishing
  }

  abandon(): void {
    if (this.#ended) return
    this.#ended = true
    const { entries, frozenTimers, frozenEpoch, cache, timers } = this.#parts
    if (this.#inFlight !== undefined) this.#takeBack(this.#inFlight)
    for (const group of [...this.#queue, this.#group]) this.#takeBack(group)
    for (const entry of entries) if (entry.dirty === frozenEpoch) cache.dirty.add(entry)
    for (const timer of frozenTimers) if (timer.dirty === frozenEpoch) timers.dirty.add(timer)
    this.#queue = []
    this.#drained?.resolve()
    this.#parts.onEnd()
  }

  async #finish(checkpointFolder: string, folderName: string): Promise<StateHandle> {
    const { store, meta, link, handle } = this.#parts
    await this.#written()
    const last = store.batch()
    last.put(META_ROW, meta)
    await store.write(last, true)
    failpoint('state.write.after')
    this.#requireWanted()
    const files = await link(join(checkpointFolder, folderName))
    this.#requireWanted()
    this.#ended = true
    this.#parts.onEnd()
    return { folder: folderName, files, ...handle }
  }

  async #written(): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure
      this.#requireWanted()
      if (this.#started && this.#queue.length === 0 && this.#inFlight === undefined) return
      this.#drained = deferred()
      await this.#drained.promise
    }
  }

  #requireWanted(): void {
    if (this.#ended)
      throw new MillraceError('CHECKPOINT_FAILED', { checkpoint: this.#parts.store.folder, reason: 'it was given up' })
  }

  #start(): void {
    try {
      failpoint('state.write.before')
    } catch (error) {
      this.#failure = error
    }
    this.#started = true
    this.#pump()
  }

  #seal(): void {
    if (this.#group.batch.rows > 0 || this.#group.entries.length > 0 || this.#group.timers.length > 0) {
      this.#queue.push(this.#group)
    }
    this.#group = new WriteGroup(this.#parts.store.batch())
    this.#pump()
  }

  #pump(): void {
    if (this.#inFlight !== undefined) return
    if (this.#started && !this.#ended && this.#failure === undefined) this.#inFlight = this.#queue.shift()
    if (this.#inFlight === undefined) this.#drained?.resolve()
    else void this.#write(this.#inFlight)
  }

  async #write(group: WriteGroup): Promise<void> {
    try {
      if (group.batch.rows > 0) await this.#parts.store.write(group.batch)
      if (!this.#ended) this.#clean(group)
      this.#inFlight = undefined
    } catch (error) {
      // The group stays in flight for abandon() to take back.
      this.#failure ??= error
      this.#drained?.resolve()
    }
    this.#pump()
  }

  #clean(group: WriteGroup): void {
    for (const entry of group.entries) {
      if (entry.dirty !== ENCODED) continue
      entry.dirty = CLEAN
      if ((entry.flags & STORED) === 0) this.#parts.onEmpty(entry)
    }
    for (const timer of group.timers) {
      if (timer.dirty !== ENCODED) continue
      timer.dirty = CLEAN
      this.#parts.timers.written(timer)
    }
  }

  #takeBack(group: WriteGroup): void {
    const { cache, timers } = this.#parts
    group.undoMaps()
    for (const entry of group.entries) {
      // A row that was put, or one whose deletion was not written.
      entry.flags |= STORED
      if (entry.dirty === ENCODED) cache.dirty.add(entry)
    }
    for (const timer of group.timers) if (timer.dirty === ENCODED) timers.dirty.add(timer)
  }
}
