// EntryCodec: entries to rows and back.
//
// A main row is a sequence of items: tag varint, length varint, payload.
//   value, reducing, aggregating: value
//   list:                         per element: sized value
//   map:                          small: per entry, by key: length varint  user key  sized value
//                                 large: nothing: each entry has a map row, whose value is the entry's
// A value is [time stamp f64]  codec bytes; a sized one has the length of the codec bytes as a varint before them.
//
// Owns: scratch buffers; items of states that the job no longer declares, which it carries from row to row.
// Does not own: entries, batches, the bytes of values (value-bytes).
//
// I1. encode() takes nothing for written if it throws.
// I2. An item of an undeclared state survives every rewriting of its row: nothing is dropped silently.
// I3. A map row is there only if the main row of its key says that the map has rows.

import { MillraceError, reasonOf } from '../../src/errors.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { readUserKey, writeUserKey } from './key-codec.ts'
import type { KeyEntry } from './key-entry.ts'
import { readSlot, STORED, writeSlot } from './key-entry.ts'
import { MapSlot, type UserKey } from './map-slot.ts'
import type { ItemReader, RegisteredState } from './registered-state.ts'
import type { StoreBatch } from './rocks-store.ts'
import { readMapRowKey, writeMainRowKey, writeMapRowPrefix, writeMapRowTail } from './row-key.ts'
import { Stamped } from './stamped.ts'
import { readSizedValue, readValue, writeSizedValue, writeValue } from './value-bytes.ts'

/** Map rows that a batch holds, to be written again should the batch not be. */
export interface EncodedMap {
  readonly slot: MapSlot
  readonly changed: ReadonlySet<UserKey>
}

// What decodeMain() answers.
/** The key has map rows, which are to be read too. */
export const HAS_MAP_ROWS = 1
/** Values were migrated. */
export const MIGRATED = 2

/** A map with more entries, or more bytes, has rows of its own; it needs a quarter, or half, to come back. */
const SMALL_MAP_ENTRIES = 64
const SMALL_MAP_BYTES = 2048

export class EntryCodec {
  readonly #node: string
  readonly #keyGroups: number
  readonly #states: RegisteredState[] = []
  readonly #maps: RegisteredState[] = []
  readonly #readers = new Map<number, ItemReader>()
  readonly #leftovers = new WeakMap<KeyEntry, Buffer>()
  #carries = false
  readonly #key = new ByteWriter(256)
  readonly #main = new ByteWriter()
  readonly #value = new ByteWriter()
  /** Whose codec is at work, for errors. */
  #at = ''

  constructor(node: string, keyGroups: number) {
    this.#node = node
    this.#keyGroups = keyGroups
  }

  add(state: RegisteredState, readers: ReadonlyMap<number, ItemReader>): void {
    this.#states.push(state)
    if (state.kind === 'map') this.#maps.push(state)
    for (const [tag, reader] of readers) this.#readers.set(tag, reader)
  }

  mainRowKey(key: KeyEntry['key']): Buffer {
    this.#key.reset()
    writeMainRowKey(key, this.#keyGroups, this.#key)
    return this.#key.copy()
  }

  mapRowPrefix(key: KeyEntry['key']): Buffer {
    this.#key.reset()
    writeMapRowPrefix(key, this.#keyGroups, this.#key)
    return this.#key.copy()
  }

  /** Appends the entry's rows to the batch. `maps` gets what must be undone if the batch is not written. Throws STATE_CODEC. */
  encode(entry: KeyEntry, batch: StoreBatch, maps: EncodedMap[]): void {
    const { length } = maps
    try {
      this.#main.reset()
      for (const state of this.#states) this.#writeItem(state, entry, this.#main)
      for (const state of this.#maps) this.#putMapRows(state, entry, batch, maps)
    } catch (error) {
      throw this.#codecError('written', entry, error)
    }
    for (let i = length; i < maps.length; i++) (maps[i] as EncodedMap).slot.changed = undefined
    this.#putMain(entry, batch)
  }

  /** Fills an entry from its main row. Answers HAS_MAP_ROWS and MIGRATED. Throws STATE_CODEC. */
  decodeMain(entry: KeyEntry, row: Buffer): number {
    try {
      return this.#decodeMain(entry, row)
    } catch (error) {
      throw this.#codecError('read', entry, error)
    }
  }

  /** Adds one map row to its entry. Answers MIGRATED, or 0. Throws STATE_CODEC. */
  decodeMapRow(entry: KeyEntry, rowKey: Buffer, row: Buffer): number {
    const { tag, userKey } = readMapRowKey(rowKey)
    const item = this.#readers.get(tag)
    if (item === undefined) return 0
    this.#at = item.state.name
    const slot = mapSlotOf(entry, item.state.index)
    try {
      slot.items.set(userKey, readValue(item, new ByteReader(row)))
    } catch (error) {
      throw this.#codecError('read', entry, error)
    }
    slot.rows = true
    if (item.migrate === undefined) return 0
    slot.touch(userKey)
    return MIGRATED
  }

  #decodeMain(entry: KeyEntry, row: Buffer): number {
    const reader = new ByteReader(row)
    const leftovers: Buffer[] = []
    let found = 0
    while (reader.more) {
      const from = reader.at
      const item = this.#readers.get(reader.varint())
      const payload = reader.part(reader.varint())
      if (item === undefined) {
        leftovers.push(row.subarray(from, payload.end))
        continue
      }
      this.#at = item.state.name
      if (item.migrate !== undefined) found |= MIGRATED
      if (item.state.kind !== 'map') writeSlot(entry, item.state.index, readItem(item, payload))
      else if (payload.more) readSmallMap(item, payload, mapSlotOf(entry, item.state.index))
      else found |= HAS_MAP_ROWS
    }
    entry.flags |= STORED
    if (leftovers.length > 0) {
      this.#leftovers.set(entry, Buffer.concat(leftovers))
      this.#carries = true
    }
    return found
  }

  #putMain(entry: KeyEntry, batch: StoreBatch): void {
    const leftovers = this.#carries ? this.#leftovers.get(entry) : undefined
    if (leftovers !== undefined) this.#main.bytes(leftovers)
    this.#key.reset()
    writeMainRowKey(entry.key, this.#keyGroups, this.#key)
    if (this.#main.length > 0) {
      batch.put(this.#key.view(), this.#main.view())
      entry.flags |= STORED
    } else if ((entry.flags & STORED) !== 0) {
      batch.del(this.#key.view())
      entry.flags &= ~STORED
    }
  }

  #writeItem(state: RegisteredState, entry: KeyEntry, out: ByteWriter): void {
    const slot = readSlot(entry, state.index)
    if (slot === undefined) return
    this.#at = state.name
    if (slot instanceof MapSlot && state.ttl !== undefined) dropExpired(slot, state)
    if (isExpired(slot, state)) return
    const start = out.length
    out.varint(state.tag)
    const at = out.openLength()
    const from = out.length
    if (slot instanceof MapSlot) writeSmallMap(slot, state, out)
    else if (state.kind === 'list') writeList(slot as readonly unknown[], state, out)
    else writeValue(slot, state.codec, out)
    if (out.length > from || !isEmptied(slot, state)) out.closeLength(at)
    else out.length = start
  }

  #putMapRows(state: RegisteredState, entry: KeyEntry, batch: StoreBatch, maps: EncodedMap[]): void {
    const slot = readSlot(entry, state.index) as MapSlot | undefined
    if (slot?.changed === undefined) return
    this.#at = state.name
    this.#key.reset()
    writeMapRowPrefix(entry.key, this.#keyGroups, this.#key)
    const prefix = this.#key.length
    for (const userKey of slot.changed) {
      for (const tag of state.formerTags) this.#deleteMapRow(prefix, tag, userKey, batch)
      if (!slot.rows || !slot.items.has(userKey)) {
        this.#deleteMapRow(prefix, state.tag, userKey, batch)
        continue
      }
      this.#value.reset()
      writeValue(slot.items.get(userKey), state.codec, this.#value)
      this.#key.length = prefix
      writeMapRowTail(state.tag, userKey, this.#key)
      batch.put(this.#key.view(), this.#value.view())
    }
    maps.push({ slot, changed: slot.changed })
  }

  #deleteMapRow(prefix: number, tag: number, userKey: UserKey, batch: StoreBatch): void {
    this.#key.length = prefix
    writeMapRowTail(tag, userKey, this.#key)
    batch.del(this.#key.view())
  }

  /** A codec is the user's: its throw is told with the state and the key. */
  #codecError(action: 'read' | 'written', entry: KeyEntry, error: unknown): MillraceError {
    const key = typeof entry.key === 'string' ? JSON.stringify(entry.key) : String(entry.key)
    const details = { state: this.#at, node: this.#node, action, key, reason: reasonOf(error) }
    return new MillraceError('STATE_CODEC', details, error)
  }
}

/** The map slot of an entry, made if it is not there. */
export function mapSlotOf(entry: KeyEntry, index: number): MapSlot {
  const slot = readSlot(entry, index) as MapSlot | undefined
  if (slot !== undefined) return slot
  const fresh = new MapSlot()
  writeSlot(entry, index, fresh)
  return fresh
}

/** A list or map of which nothing was written has nothing left, unless its entries have rows. */
function isEmptied(slot: unknown, state: RegisteredState): boolean {
  return slot instanceof MapSlot ? !slot.rows : state.kind === 'list'
}

function isExpired(slot: unknown, state: RegisteredState): boolean {
  return state.ttl !== undefined && slot instanceof Stamped && !state.ttl.alive(slot)
}

function dropExpired(slot: MapSlot, state: RegisteredState): void {
  for (const [userKey, value] of slot.items) {
    if (!isExpired(value, state)) continue
    slot.items.delete(userKey)
    slot.touch(userKey)
  }
}

function writeList(elements: readonly unknown[], state: RegisteredState, out: ByteWriter): void {
  for (const element of elements) {
    if (!isExpired(element, state)) writeSizedValue(element, state.codec, out)
  }
}

/** Writes the map into the item if it is small, and nothing otherwise; decides which of the two it is from now on. */
function writeSmallMap(slot: MapSlot, state: RegisteredState, out: ByteWriter): void {
  const rows = !triedSmall(slot, state, out)
  if (rows === slot.rows) return
  slot.rows = rows
  slot.touchRows(slot.items.keys())
}

function triedSmall(slot: MapSlot, state: RegisteredState, out: ByteWriter): boolean {
  if (slot.items.size > (slot.rows ? SMALL_MAP_ENTRIES / 4 : SMALL_MAP_ENTRIES)) return false
  const bytesMax = slot.rows ? SMALL_MAP_BYTES / 2 : SMALL_MAP_BYTES
  const from = out.length
  for (const userKey of sortedKeys(slot.items)) {
    const at = out.openLength()
    writeUserKey(userKey, out)
    out.closeLength(at)
    writeSizedValue(slot.items.get(userKey), state.codec, out)
    if (out.length - from <= bytesMax) continue
    out.length = from
    return false
  }
  return true
}

/** Numbers, then strings: as map rows are sorted. */
function sortedKeys(items: ReadonlyMap<UserKey, unknown>): Iterable<UserKey> {
  let before: UserKey | undefined
  for (const key of items.keys()) {
    if (before !== undefined && compareUserKeys(before, key) > 0) return [...items.keys()].sort(compareUserKeys)
    before = key
  }
  return items.keys()
}

function compareUserKeys(a: UserKey, b: UserKey): number {
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}

function readItem(item: ItemReader, payload: ByteReader): unknown {
  if (item.state.kind !== 'list') return readValue(item, payload)
  const elements: unknown[] = []
  while (payload.more) elements.push(readSizedValue(item, payload))
  return elements
}

function readSmallMap(item: ItemReader, payload: ByteReader, slot: MapSlot): void {
  while (payload.more) {
    const userKey = readUserKey(payload.part(payload.varint()))
    slot.items.set(userKey, readSizedValue(item, payload))
  }
}
