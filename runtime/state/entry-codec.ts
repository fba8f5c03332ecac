// EntryCodec: entries to rows and back.
//
// A main row is a sequence of items: tag varint, length varint, payload.
//   value, reducing, aggregating: [time stamp f64]  codec bytes
//   list:                         per element: [time stamp f64]  length varint  codec bytes
//   map:                          nothing: the item says that map rows exist; a map row's value is [time stamp f64]  codec bytes
//
// Owns: scratch buffers; items of states that the job no longer declares, which it carries from row to row.
// Does not own: entries, batches.
//
// I1. encode() changes nothing if it throws.
// I2. An item of an undeclared state survives every rewriting of its row: nothing is dropped silently.

import { msgpackCodec } from '../../src/codec/msgpack-codec.ts'
import type { Codec } from '../../src/contract/state.ts'
import { MillraceError, reasonOf } from '../../src/errors.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import type { KeyEntry } from './key-entry.ts'
import { readSlot, STORED, writeSlot } from './key-entry.ts'
import { MapSlot } from './map-slot.ts'
import type { ItemReader, RegisteredState } from './registered-state.ts'
import type { StoreBatch } from './rocks-store.ts'
import { readMapRowKey, writeMainRowKey, writeMapRowPrefix, writeMapRowTail } from './row-key.ts'
import { Stamped } from './stamped.ts'

/** Map entries that a batch holds, to be marked changed again should the batch not be written. */
export interface EncodedMap {
  readonly slot: MapSlot
  readonly changed: ReadonlySet<string | number>
}

const MSGPACK_INT32 = 0xd2
const MSGPACK_DOUBLE = 0xcb

export class EntryCodec {
  readonly #node: string
  readonly #keyGroups: number
  readonly #states: RegisteredState[] = []
  readonly #readers = new Map<number, ItemReader>()
  readonly #leftovers = new WeakMap<KeyEntry, Buffer>()
  readonly #key = new ByteWriter(256)
  readonly #value = new ByteWriter()

  constructor(node: string, keyGroups: number) {
    this.#node = node
    this.#keyGroups = keyGroups
  }

  add(state: RegisteredState, readers: ReadonlyMap<number, ItemReader>): void {
    this.#states.push(state)
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
    for (const state of this.#states) {
      if (state.kind === 'map') this.#encodeMap(entry, state, batch)
    }
    this.#encodeMain(entry, batch)
    for (const state of this.#states) {
      if (state.kind === 'map') takeChanges(entry, state.index, maps)
    }
  }

  /** True if the entry holds nothing: its row is not needed. */
  isEmpty(entry: KeyEntry): boolean {
    return this.#states.every((state) => isEmptySlot(readSlot(entry, state.index))) && !this.#leftovers.has(entry)
  }

  /** Fills an entry from its main row. `maps`: the key has map rows. `changed`: values were migrated. Throws STATE_CODEC. */
  decodeMain(entry: KeyEntry, row: Buffer): { readonly maps: boolean; readonly changed: boolean } {
    const reader = new ByteReader(row)
    const leftovers: Buffer[] = []
    let maps = false
    let changed = false
    while (reader.more) {
      const from = reader.at
      const item = this.#readers.get(reader.varint())
      const payload = reader.part(reader.varint())
      if (item === undefined) leftovers.push(row.subarray(from, payload.end))
      else if (item.state.kind === 'map') maps = true
      else
        writeSlot(
          entry,
          item.state.index,
          this.#guard('read', item.state, entry, () => readItem(item, payload)),
        )
      changed ||= item?.migrate !== undefined
    }
    entry.flags |= STORED
    if (leftovers.length > 0) this.#leftovers.set(entry, Buffer.concat(leftovers))
    return { maps, changed }
  }

  /** Adds one map row to its entry. Answers whether the value was migrated. */
  decodeMapRow(entry: KeyEntry, rowKey: Buffer, row: Buffer): boolean {
    const { tag, userKey } = readMapRowKey(rowKey)
    const item = this.#readers.get(tag)
    if (item === undefined) return false
    const slot = mapSlotOf(entry, item.state.index)
    slot.items.set(
      userKey,
      this.#guard('read', item.state, entry, () => readValue(item, new ByteReader(row))),
    )
    if (item.migrate === undefined) return false
    slot.changed.add(userKey)
    return true
  }

  #encodeMain(entry: KeyEntry, batch: StoreBatch): void {
    const out = this.#value
    out.reset()
    for (const state of this.#states) this.#writeItem(state, entry, out)
    const leftovers = this.#leftovers.get(entry)
    if (leftovers !== undefined) out.bytes(leftovers)
    this.#key.reset()
    writeMainRowKey(entry.key, this.#keyGroups, this.#key)
    if (out.length > 0) {
      batch.put(this.#key.view(), out.view())
      entry.flags |= STORED
    } else if ((entry.flags & STORED) !== 0) {
      batch.del(this.#key.view())
      entry.flags &= ~STORED
    }
  }

  #writeItem(state: RegisteredState, entry: KeyEntry, out: ByteWriter): void {
    const slot = readSlot(entry, state.index)
    if (isEmptySlot(slot) || isExpired(slot, state)) return
    const start = out.length
    out.varint(state.tag)
    const from = out.length
    if (state.kind === 'list') this.#writeList(slot as readonly unknown[], state, entry, out)
    else if (state.kind !== 'map') this.#writeValue(slot, state, entry, out)
    if (state.kind === 'list' && out.length === from) out.length = start
    else out.insertLength(from)
  }

  #writeList(elements: readonly unknown[], state: RegisteredState, entry: KeyEntry, out: ByteWriter): void {
    for (const element of elements) {
      if (isExpired(element, state)) continue
      const value = this.#writeStamp(element, out)
      const from = out.length
      this.#writeBare(value, state, entry, out)
      out.insertLength(from)
    }
  }

  #writeValue(slot: unknown, state: RegisteredState, entry: KeyEntry, out: ByteWriter): void {
    this.#writeBare(this.#writeStamp(slot, out), state, entry, out)
  }

  #writeStamp(slot: unknown, out: ByteWriter): unknown {
    if (!(slot instanceof Stamped)) return slot
    out.f64(slot.atMs)
    return slot.value
  }

  #writeBare(value: unknown, state: RegisteredState, entry: KeyEntry, out: ByteWriter): void {
    if (typeof value === 'number' && state.codec === msgpackCodec) return writeNumber(value, out)
    out.bytes(this.#guard('written', state, entry, () => state.codec.encode(value)))
  }

  #encodeMap(entry: KeyEntry, state: RegisteredState, batch: StoreBatch): void {
    const slot = readSlot(entry, state.index) as MapSlot | undefined
    if (slot === undefined) return
    if (state.ttl !== undefined) dropExpired(slot, state)
    if (slot.changed.size === 0) return
    this.#key.reset()
    writeMapRowPrefix(entry.key, this.#keyGroups, this.#key)
    const prefix = this.#key.length
    for (const userKey of slot.changed) {
      for (const tag of state.formerTags) this.#deleteMapRow(prefix, tag, userKey, batch)
      if (slot.items.has(userKey)) {
        this.#value.reset()
        this.#writeValue(slot.items.get(userKey), state, entry, this.#value)
        this.#key.length = prefix
        writeMapRowTail(state.tag, userKey, this.#key)
        batch.put(this.#key.view(), this.#value.view())
      } else this.#deleteMapRow(prefix, state.tag, userKey, batch)
    }
  }

  #deleteMapRow(prefix: number, tag: number, userKey: string | number, batch: StoreBatch): void {
    this.#key.length = prefix
    writeMapRowTail(tag, userKey, this.#key)
    batch.del(this.#key.view())
  }

  /** A codec is the user's: its throw is told with the state and the key. */
  #guard<T>(action: 'read' | 'written', state: RegisteredState, entry: KeyEntry, work: () => T): T {
    try {
      return work()
    } catch (error) {
      const { name } = state
      const key = typeof entry.key === 'string' ? JSON.stringify(entry.key) : String(entry.key)
      throw new MillraceError(
        'STATE_CODEC',
        { state: name, node: this.#node, action, key, reason: reasonOf(error) },
        error,
      )
    }
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

function isEmptySlot(slot: unknown): boolean {
  return slot === undefined || (slot instanceof MapSlot && slot.items.size === 0)
}

function isExpired(slot: unknown, state: RegisteredState): boolean {
  return state.ttl !== undefined && slot instanceof Stamped && !state.ttl.alive(slot)
}

function dropExpired(slot: MapSlot, state: RegisteredState): void {
  for (const [userKey, value] of slot.items) {
    if (!isExpired(value, state)) continue
    slot.items.delete(userKey)
    slot.changed.add(userKey)
  }
}

function takeChanges(entry: KeyEntry, index: number, maps: EncodedMap[]): void {
  const slot = readSlot(entry, index) as MapSlot | undefined
  if (slot === undefined || slot.changed.size === 0) return
  maps.push({ slot, changed: slot.changed })
  slot.changed = new Set()
}

/** Numbers without the codec's detour, in msgpack all the same. -0 is not an int32. */
function writeNumber(value: number, out: ByteWriter): void {
  if ((value | 0) === value && (value !== 0 || 1 / value > 0)) {
    out.u8(MSGPACK_INT32)
    out.i32(value)
  } else {
    out.u8(MSGPACK_DOUBLE)
    out.f64(value)
  }
}

function readItem(item: ItemReader, payload: ByteReader): unknown {
  if (item.state.kind !== 'list') return readValue(item, payload)
  const elements: unknown[] = []
  while (payload.more) {
    const atMs = item.stamped ? payload.f64() : undefined
    elements.push(restamp(item, readBare(item, payload.part(payload.varint())), atMs))
  }
  return elements
}

function readValue(item: ItemReader, payload: ByteReader): unknown {
  const atMs = item.stamped ? payload.f64() : undefined
  return restamp(item, readBare(item, payload), atMs)
}

/** A value without a stamp whose state has a time to live by now begins its life when it is read. */
function restamp(item: ItemReader, value: unknown, atMs: number | undefined): unknown {
  if (item.state.ttl === undefined) return value
  return atMs === undefined ? item.state.ttl.stamp(value) : new Stamped(value, atMs)
}

function readBare(item: ItemReader, payload: ByteReader): unknown {
  const value = decodeBytes(item.codec, payload)
  return item.migrate === undefined ? value : item.migrate(value)
}

function decodeBytes(codec: Codec<unknown>, payload: ByteReader): unknown {
  const length = payload.end - payload.at
  if (codec === msgpackCodec) {
    const type = payload.buffer[payload.at]
    if (type === MSGPACK_INT32 && length === 5) return payload.buffer.readInt32BE(payload.at + 1)
    if (type === MSGPACK_DOUBLE && length === 9) return payload.buffer.readDoubleBE(payload.at + 1)
  }
  return codec.decode(payload.bytes(length))
}
