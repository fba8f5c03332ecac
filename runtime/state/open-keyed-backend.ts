// KeyedStateBackend: keyed state of one node in one subtask: entries in the heap over a RocksDB.
//
// Owns: the store, the cache, the timers, the table of states, the snapshot under way.
// Does not own: when batches, barriers and timers come (the task).
//
// I1. Between prefetch(keys) and the next prefetch every key of `keys` can be set without waiting.
// I2. While a snapshot is under way nothing younger than its barrier is written to the database.
// I3. After a failed read or write every later prefetch, freeze and finish fails too.

import { mkdir, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { TimerService } from '../../src/contract/keyed-context.ts'
import type { AnyState, StateDescriptor } from '../../src/contract/state.ts'
import { isMillraceError, MillraceError, reasonOf } from '../../src/errors.ts'
import type { Batch } from '../../src/record/batch.ts'
import { assert, present } from '../../src/util/assert.ts'
import type { Key } from '../../src/util/key-group.ts'
import { EntryCache } from './entry-cache.ts'
import { EntryCodec } from './entry-codec.ts'
import { Evictor } from './evictor.ts'
import { hardLinkCheckpoint, type KnownFiles } from './hard-link-checkpoint.ts'
import { FILTERED, KeyEntry, LOADING } from './key-entry.ts'
import { KeyLoader, markLoading } from './key-loader.ts'
import type { FiredTimer, KeyedBackend, KeyedBackendOptions, KeyedSnapshot } from './keyed-backend.ts'
import { KeyedTimers } from './keyed-timers.ts'
import { makeState } from './make-state.ts'
import { NO_BATCH, PinnedBatch } from './pinned-batch.ts'
import { PreloadedRows } from './preloaded-rows.ts'
import { rebuildFilter } from './rebuild-filter.ts'
import { bindState } from './registered-state.ts'
import { openStore, type RestoreSource, restoreState } from './restore-state.ts'
import type { RocksStore } from './rocks-store.ts'
import { SnapshotWriter } from './snapshot-writer.ts'
import { StateTable } from './state-table.ts'
import { WriteBack } from './write-back.ts'

/** Loads that prefetchAhead may have under way: more would only queue behind each other. */
const LOADS_AHEAD_MAX = 4
/** Of the cache, for timers: the later ones are in RocksDB only. */
const TIMER_SHARE = 1 / 4

interface Pinned {
  readonly missing: KeyEntry[]
  /** Some are being read. */
  readonly loading: boolean
  readonly pinned: PinnedBatch
}

/** Makes a backend; nothing happens before its open(). */
export function openKeyedBackend(options: KeyedBackendOptions): KeyedBackend {
  return new KeyedStateBackend(options)
}

class KeyedStateBackend implements KeyedBackend {
  readonly #options: KeyedBackendOptions
  readonly #cache = new EntryCache(() => this.#snapshot === undefined && !this.#writeBack.busy)
  readonly #codec: EntryCodec
  readonly #timers: KeyedTimers
  readonly #known: KnownFiles = new Map()
  readonly #registered = new Set<string>()
  #opening: Promise<void> | undefined
  #table = new StateTable()
  #store: RocksStore | undefined
  #loader!: KeyLoader
  #writeBack!: WriteBack
  #evictor!: Evictor
  #preloaded: PreloadedRows | undefined
  #snapshot: SnapshotWriter | undefined
  /** The batch being processed, and the next one as far as it is known. */
  #present = NO_BATCH
  #ahead = NO_BATCH
  readonly #closing = new AbortController()
  #failure: unknown

  constructor(options: KeyedBackendOptions) {
    this.#options = options
    this.#codec = new EntryCodec(options.node, options.keyGroups)
    this.#timers = new KeyedTimers({
      currentKey: () => this.#cache.current.key,
      now: options.now,
      keyGroups: options.keyGroups,
      bytesMax: options.loadAll === true ? Number.POSITIVE_INFINITY : options.cacheBytes * TIMER_SHARE,
      touch: (timer) => this.#snapshot?.beforeTimerChange(timer),
    })
  }

  get timers(): TimerService {
    return this.#timers
  }

  get residentBytes(): number {
    return this.#cache.residentBytes + this.#timers.bytes
  }

  open(restore: readonly RestoreSource[]): Promise<void> {
    assert(this.#opening === undefined, 'a state backend is opened once')
    this.#opening = this.#open(restore)
    return this.#opening
  }

  async #open(restore: readonly RestoreSource[]): Promise<void> {
    const { workFolder, node, range, loadAll } = this.#options
    await rm(workFolder, { recursive: true, force: true })
    await mkdir(dirname(workFolder), { recursive: true })
    if (restore.length === 0) this.#store = await openStore(workFolder, node)
    else {
      const restored = await restoreState(restore, { ...this.#options, known: this.#known })
      this.#store = restored.store
      this.#table = restored.table
    }
    this.#assemble(this.#store)
    await this.#timers.open(this.#store, restore.length > 0)
    if (restore.length === 0) return
    if (loadAll === true) this.#preloaded = await PreloadedRows.read(this.#store, range)
    else this.#learnKeys(this.#store)
  }

  register(descriptor: StateDescriptor): AnyState {
    const { node, now } = this.#options
    if (this.#registered.has(descriptor.name))
      throw new MillraceError('STATE_DUPLICATE', { node, state: descriptor.name })
    const { state, readers } = bindState(descriptor, this.#registered.size, this.#table, { node, now })
    this.#registered.add(descriptor.name)
    this.#codec.add(state, readers)
    return makeState(state, descriptor, this.#cache)
  }

  setCurrentKey(key: Key): void {
    const cache = this.#cache
    const entry = this.#present.next(key) ?? this.#find(key)
    if (entry === undefined) cache.current = this.#enter(key)
    else {
      if (entry.dirty < cache.dirty.epoch) this.#beforeTouch(entry)
      cache.current = entry
    }
  }

  prefetch(keys: readonly Key[]): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const ahead = this.#ahead
    this.#present = NO_BATCH
    if (this.#allResident) return undefined
    this.#ahead = NO_BATCH
    this.#cache.prefetch += 1
    const { missing, loading } = this.#pinned(keys, ahead)
    if (missing.length === 0 && !loading) return this.#guarded(this.#evictor.room())
    return this.#guarded(this.#fetch(keys, missing))
  }

  prefetchAhead(batch: Batch): void {
    if (batch.keys === undefined || this.#failure !== undefined) return
    if (this.#allResident || this.#loader.underWay >= LOADS_AHEAD_MAX) return
    const { missing, pinned } = this.#pin(batch.keys, this.#cache.prefetch + 1)
    this.#ahead = pinned
    // If it fails the entries are gone again: the prefetch proper reads them anew and tells.
    if (missing.length > 0) this.#loader.load(missing).catch(() => undefined)
  }

  readDueTimers(domain: 'event' | 'processing', upTo: number): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return this.#guarded(this.#timers.readDue(domain, upTo))
  }

  takeDueTimers(domain: 'event' | 'processing', upTo: number, limit: number): readonly FiredTimer[] {
    const taken = this.#timers.queue(domain).take(upTo, limit)
    return taken.map(({ key, time }) => ({ key, timestamp: time, domain }))
  }

  nextTimer(domain: 'event' | 'processing'): number | undefined {
    return this.#timers.queue(domain).next()
  }

  advanceWatermark(timestamp: number): void {
    this.#timers.advanceWatermark(timestamp)
  }

  freeze(): KeyedSnapshot {
    const store = present(this.#store, 'the open store')
    assert(this.#snapshot === undefined, 'one snapshot is under way at a time')
    if (this.#failure !== undefined) throw this.#failure
    const cache = this.#cache
    const snapshot = new SnapshotWriter({
      cache,
      codec: this.#codec,
      store,
      timers: this.#timers,
      keyGroups: this.#options.keyGroups,
      frozenEpoch: cache.dirty.epoch,
      entries: cache.dirty.freeze(),
      frozenTimers: this.#timers.dirty.freeze(),
      meta: this.#table.encode(this.#options.keyGroups),
      earlierWrites: this.#earlierWrites(store),
      link: async (target) => {
        await this.#writeBack.settled()
        return hardLinkCheckpoint(store, target, this.#known)
      },
      handle: { keyGroups: this.#options.range, states: this.#table.newest() },
      onEmpty: (entry) => this.#dropEmpty(entry),
      onEnd: () => {
        this.#snapshot = undefined
      },
    })
    this.#snapshot = snapshot
    return snapshot
  }

  async close(): Promise<void> {
    this.#failure ??= new MillraceError('INVARIANT', { what: 'a state backend is not used after close' })
    this.#closing.abort()
    // An open that goes on by itself would leave the folder locked for the next attempt.
    await this.#opening?.catch(() => undefined)
    const finishing = this.#snapshot?.finishing
    this.#snapshot?.abandon()
    await finishing
    await this.#loader?.settled()
    await this.#store?.close()
  }

  /** A restored database may have any key until it was looked through, which goes on in the background. */
  #learnKeys(store: RocksStore): void {
    const { filter } = this.#evictor
    filter.unknown()
    // If it cannot be read, or is closed first, every key stays unknown: slower, and as right.
    rebuildFilter({ store, range: this.#options.range, filter, stop: this.#closing.signal }).catch(() => undefined)
  }

  async #earlierWrites(store: RocksStore): Promise<void> {
    // If one failed, the link tells.
    await this.#writeBack.settled().catch(() => undefined)
    await store.writesDone()
  }

  /** Nothing was ever evicted, nor need be now: keys that are not in the heap are new. */
  get #allResident(): boolean {
    return this.#evictor.filter.none && this.#loader.underWay === 0 && !this.#evictor.overLimit
  }

  #assemble(store: RocksStore): void {
    const cache = this.#cache
    const timers = this.#timers
    this.#loader = new KeyLoader(cache, this.#codec, store)
    this.#writeBack = new WriteBack({ cache, codec: this.#codec, store, timers, keyGroups: this.#options.keyGroups })
    this.#evictor = new Evictor({
      cache,
      timers,
      writeBack: this.#writeBack,
      cacheBytes: this.#options.cacheBytes,
      snapshot: () => this.#snapshot,
    })
  }

  /** An entry for a key that is not in the cache: nothing is known of it, or it was preloaded. */
  #enter(key: Key): KeyEntry {
    const entry = new KeyEntry(typeof key === 'number' ? key + 0 : key)
    assert(this.#evictor.filter.none, 'a key is prefetched before it is set')
    if (this.#preloaded?.fill(entry, this.#codec) === true) this.#cache.dirty.add(entry)
    if (entry.flags !== 0) this.#cache.attach(entry)
    return entry
  }

  #find(key: Key): KeyEntry | undefined {
    try {
      return this.#cache.find(key)
    } catch (error) {
      throw new MillraceError('KEY_INVALID', { key: String(key), node: this.#options.node }, error)
    }
  }

  #beforeTouch(entry: KeyEntry): void {
    assert(entry.dirty !== LOADING, 'a key is read before it is set')
    present(this.#snapshot, 'the snapshot that froze an entry').beforeTouch(entry)
  }

  /** Pins the keys' entries, making those that are not there; `missing` are to be read. */
  #pin(keys: readonly Key[], prefetch: number): Pinned {
    const cache = this.#cache
    const { filter } = this.#evictor
    const missing: KeyEntry[] = []
    const entries: KeyEntry[] = []
    let loading = false
    for (const key of keys) {
      let entry = this.#find(key)
      if (entry === undefined) {
        entry = new KeyEntry(typeof key === 'number' ? key + 0 : key)
        cache.attach(entry)
        if (filter.has(key)) entry.flags |= FILTERED
        if (filter.mayHave(key)) missing.push(markLoading(entry))
      } else loading ||= entry.dirty === LOADING
      cache.pin(entry, prefetch)
      entries.push(entry)
    }
    const pinned = new PinnedBatch(keys, entries)
    if (prefetch === cache.prefetch) this.#present = pinned
    return { missing, loading, pinned }
  }

  /** The keys' entries, for the batch at hand; `known` has them if it was made of these keys and they are still there. */
  #pinned(keys: readonly Key[], known: PinnedBatch): Pick<Pinned, 'missing' | 'loading'> {
    if (known.keys !== keys || !known.attached) return this.#pin(keys, this.#cache.prefetch)
    this.#present = known
    return { missing: [], loading: known.loading }
  }

  async #fetch(keys: readonly Key[], firstMissing: readonly KeyEntry[]): Promise<void> {
    let missing = firstMissing
    for (;;) {
      if (missing.length > 0) await this.#loader.load(missing)
      await this.#loader.settled()
      const again = this.#pinned(keys, this.#present)
      if (again.missing.length === 0 && !again.loading) break
      missing = again.missing
    }
    await this.#evictor.room()
  }

  /** The failure of a read or write is the backend's from then on. */
  #guarded(work: Promise<void> | undefined): Promise<void> | undefined {
    return work?.catch((error: unknown) => {
      const { node, workFolder } = this.#options
      this.#failure ??= isMillraceError(error)
        ? error
        : new MillraceError('STATE_BACKEND', { node, path: workFolder, reason: reasonOf(error) }, error)
      throw this.#failure
    })
  }

  #dropEmpty(entry: KeyEntry): void {
    if (entry !== this.#cache.current && entry.pin < this.#cache.prefetch) this.#evictor.evict(entry)
  }
}
