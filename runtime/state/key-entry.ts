import type { Key } from '../../src/util/key-group.ts'

// What `dirty` says besides an epoch (the period between two freezes in which the entry was first changed).
// Being large, all but LOADING are no smaller than any epoch: `dirty < epoch` means "do not touch before looking".

/** The row in the database equals the entry. */
export const CLEAN = 0x3fffffff
/** Encoded by the snapshot under way; its row is not yet in the database. */
export const ENCODED = 0x3ffffffe
/** Encoded by a write-back; its row is not yet in the database. */
export const FLUSHING = 0x3ffffffd
/** Being read: its slots mean nothing yet. */
export const LOADING = -1

// Flags.
/** The database may have a row of this key. */
export const STORED = 1
/** Used since the clock's hand passed. */
export const REFERENCED = 2
/** In the cache's map. Entries that hold nothing stay out of it. */
export const ATTACHED = 4

/** The filter of keys that may have a row will always say so of this one. */
export const FILTERED = 8

/** Everything kept of one key: a slot per registered state. The first is inline, for most nodes have one. */
export class KeyEntry {
  readonly key: Key
  slot0: unknown = undefined
  rest: unknown[] | undefined = undefined
  dirty = CLEAN
  flags = 0
  /** The last prefetch that named this key: it may not be evicted until the next one. */
  pin = 0
  /** What it is charged with. */
  bytes = 0

  constructor(key: Key) {
    this.key = key
  }
}

export function readSlot(entry: KeyEntry, index: number): unknown {
  return index === 0 ? entry.slot0 : entry.rest === undefined ? undefined : entry.rest[index - 1]
}

export function writeSlot(entry: KeyEntry, index: number, value: unknown): void {
  if (index === 0) entry.slot0 = value
  else writeRest(entry, index - 1, value)
}

/** Whether every slot is empty. */
export function holdsNothing(entry: KeyEntry): boolean {
  return entry.slot0 === undefined && (entry.rest === undefined || entry.rest.every((slot) => slot === undefined))
}

function writeRest(entry: KeyEntry, at: number, value: unknown): void {
  entry.rest ??= []
  // No holes: a holey array is slower ever after.
  while (entry.rest.length < at) entry.rest.push(undefined)
  entry.rest[at] = value
}
