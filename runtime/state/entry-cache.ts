// EntryCache: the entries in the heap, which of them are dirty, and what they weigh.
//
// Owns: the entries in the heap, the list of dirty ones, byte counts and pins.
// Does not own: rows (EntryCodec), reading and writing (KeyLoader, WriteBack), snapshots (SnapshotWriter).
//
// I1. An entry with dirty < epoch was frozen and not encoded yet (or is LOADING): nobody touches its slots before it is encoded.
// I2. An entry that holds or held something is attached (in the map of entries); one that was only looked at is not, and costs nothing.
// I3. Only CLEAN entries leave it, and none whose pin is the present prefetch's or a later one's. One that holds nothing, and that
//     the database never heard of, leaves at once: what comes and goes between two checkpoints leaves nothing behind.

import { assert } from '../../src/util/assert.ts'
import type { Key } from '../../src/util/key-group.ts'
import { DirtyList } from './dirty-list.ts'
import { EntryMap } from './entry-map.ts'
import { estimateBytes } from './estimate-bytes.ts'
import {
  ATTACHED,
  CLEAN,
  holdsNothing,
  KeyEntry,
  LOADING,
  REFERENCED,
  readSlot,
  STORED,
  writeSlot,
} from './key-entry.ts'

/** An entry, its place in the map and a number: measured 140 to 170. */
const ENTRY_BYTES = 160
/** Writes of other things than numbers between two looks at an entry's size. A power of two. */
const RECHARGE_EVERY = 16

const NO_KEY = new KeyEntry('no key is set')

export interface SweepOptions {
  readonly goalBytes: number
  readonly steps: number
  readonly dirtyMax: number
  readonly evict: (entry: KeyEntry) => void
}

export class EntryCache {
  /** Whose slots the states read and write. */
  current = NO_KEY
  readonly dirty = new DirtyList<KeyEntry>()
  /** Of the batch being processed. Entries pinned with this or a larger number stay. */
  prefetch = 1
  residentBytes = 0
  readonly #entries = new EntryMap()
  #writes = 0
  readonly #mayForget: () => boolean

  /** `mayForget`: whether no write is under way, which might still be about an entry that holds nothing. Default: never. */
  constructor(mayForget: () => boolean = () => false) {
    this.#mayForget = mayForget
  }

  get size(): number {
    return this.#entries.size
  }

  find(key: Key): KeyEntry | undefined {
    return this.#entries.get(key)
  }

  /** Puts an entry into the map. */
  attach(entry: KeyEntry): void {
    entry.flags |= ATTACHED | REFERENCED
    this.#entries.add(entry)
    this.recharge(entry)
  }

  /** Takes an entry out of the map. */
  detach(entry: KeyEntry): void {
    entry.flags &= ~ATTACHED
    this.#entries.remove(entry)
    this.residentBytes -= entry.bytes
    entry.bytes = 0
  }

  /** After every change of an entry's slots; `value` is what was written. */
  wrote(entry: KeyEntry, value: unknown): void {
    if (entry.dirty !== this.dirty.epoch) this.#dirtied(entry)
    else if (typeof value !== 'number' && (++this.#writes & (RECHARGE_EVERY - 1)) === 0) this.recharge(entry)
  }

  /** Empties a slot of the current entry. */
  clearSlot(index: number): void {
    const entry = this.current
    if (readSlot(entry, index) === undefined) return
    writeSlot(entry, index, undefined)
    this.wrote(entry, undefined)
    if ((entry.flags & STORED) !== 0 || entry.pin >= this.prefetch || !holdsNothing(entry) || !this.#mayForget()) return
    entry.dirty = CLEAN
    this.dirty.dropped(1)
    this.detach(entry)
    // Not the same one again: it is in the list of dirty ones, where each is to be once.
    this.current = new KeyEntry(entry.key)
  }

  /** Estimates anew what the entry weighs. */
  recharge(entry: KeyEntry): void {
    let bytes = ENTRY_BYTES
    if (typeof entry.key !== 'number') bytes += estimateBytes(entry.key)
    if (typeof entry.slot0 !== 'number') bytes += estimateBytes(entry.slot0)
    if (entry.rest !== undefined) bytes += estimateBytes(entry.rest)
    this.residentBytes += bytes - entry.bytes
    entry.bytes = bytes
  }

  /** Marks the entry as needed by the present prefetch, or the next one. */
  pin(entry: KeyEntry, prefetch: number): void {
    if (entry.pin < prefetch) entry.pin = prefetch
    entry.flags |= REFERENCED
  }

  /**
   * Passes the clock's hand over at most `steps` entries until the cache weighs no more than `goalBytes`: cold clean ones are
   * given to `evict`, cold dirty ones are answered, each once, at most `dirtyMax`. Two rounds tell all: one unmarks, one finds.
   */
  sweep(options: SweepOptions): readonly KeyEntry[] {
    const { goalBytes, dirtyMax, evict } = options
    const dirty = new Set<KeyEntry>()
    const steps = Math.min(options.steps, this.#entries.size * 2)
    for (let left = steps; left > 0 && this.residentBytes > goalBytes; left--) {
      const entry = this.#entries.next()
      if (entry === undefined) break
      if (entry.pin >= this.prefetch || entry === this.current) continue
      if ((entry.flags & REFERENCED) !== 0) entry.flags &= ~REFERENCED
      else if (entry.dirty === CLEAN) evict(entry)
      else if (dirtyMax > 0 && entry.dirty === this.dirty.epoch && dirty.add(entry).size >= dirtyMax) break
    }
    return [...dirty]
  }

  #dirtied(entry: KeyEntry): void {
    assert(entry !== NO_KEY, 'state is used with a current key')
    assert(entry.dirty !== LOADING && entry.dirty >= this.dirty.epoch, 'state is changed behind setCurrentKey')
    this.dirty.add(entry)
    if ((entry.flags & ATTACHED) === 0) this.attach(entry)
    else if (typeof entry.slot0 !== 'number' || entry.rest !== undefined) this.recharge(entry)
  }
}
