// Restoring a database from a savepoint: the rows of the owned key groups, as the rows of today.
//
// Owns: the entry of the key whose rows are coming. Does not own: the file, the database, how rows are laid out (entry-codec).
//
// I1. An entry is written when all its rows are there, and one is in the heap at a time.
// I2. Of a key whose group is another subtask's nothing is written, however the groups were counted before.

import { MillraceError } from '../../src/errors.ts'
import { present } from '../../src/util/assert.ts'
import { type Key, keyGroupOf } from '../../src/util/key-group.ts'
import { nodeFs } from '../checkpoint/fs.ts'
import { SavepointFile } from '../checkpoint/savepoint-file.ts'
import type { StateSection } from '../checkpoint/state-section.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import type { EntryCodec } from './entry-codec.ts'
import { mapSlotOf } from './entry-codec.ts'
import { KeyEntry, writeSlot } from './key-entry.ts'
import { prefixBytes, readPart, readPrefix } from './portable-row.ts'
import { rawEntryCodec, rawReader } from './raw-codec.ts'
import type { ItemReader } from './registered-state.ts'
import type { RocksStore, Row, StoreBatch } from './rocks-store.ts'
import { TIMER_VALUE, writeTimerRowKey } from './row-key.ts'
import type { StateShape } from './state-table.ts'
import { readSizedValue, readValue } from './value-bytes.ts'

const ROWS_PER_WRITE = 1000

export interface ImportTarget {
  readonly node: string
  readonly keyGroups: number
  readonly range: { readonly start: number; readonly end: number }
}

/** The states of a section: the table of a database that it is imported into. */
export function shapesOf({ states }: StateSection): StateShape[] {
  return states.map(({ name, kind, codec, version, ttl }, tag) => ({ tag, name, kind, codec, version, ttl }))
}

/** Writes what a savepoint holds of the owned key groups into an empty database. Throws SAVEPOINT_CORRUPT, SAVEPOINT_VERSION, IO. */
export async function importSection(
  path: string,
  section: StateSection,
  store: RocksStore,
  target: ImportTarget,
): Promise<void> {
  const file = await SavepointFile.open(nodeFs, path)
  if (file === undefined) throw new MillraceError('IO', { action: 'Could not read', path, reason: 'it is not there' })
  try {
    const { from, to } = boundsOf(section, target)
    const rows = new EntryImport(shapesOf(section), store, target)
    for await (const chunk of file.scan(section, from, to)) {
      for (const row of chunk) rows.add(row)
      await rows.write(ROWS_PER_WRITE)
    }
    rows.endKey()
    await rows.write(1)
  } finally {
    await file.close()
  }
}

/** With another number of key groups any key may be anywhere. */
function boundsOf({ keyGroups }: StateSection, target: ImportTarget): { readonly from: Buffer; readonly to: Buffer } {
  const { start, end } = keyGroups === target.keyGroups ? target.range : { start: 0, end: keyGroups }
  return { from: Buffer.from([start >>> 8, start & 255]), to: Buffer.from([end >>> 8, end & 255]) }
}

/** Gathers the rows of a key into an entry, and writes that. */
class EntryImport {
  readonly #target: ImportTarget
  readonly #store: RocksStore
  readonly #codec: EntryCodec
  readonly #readers: readonly ItemReader[]
  readonly #timerKey = new ByteWriter(256)
  #batch: StoreBatch
  #prefix: Buffer = Buffer.alloc(0)
  #key: Key = ''
  #owned = false
  #entry: KeyEntry | undefined

  constructor(shapes: readonly StateShape[], store: RocksStore, target: ImportTarget) {
    this.#target = target
    this.#store = store
    this.#codec = rawEntryCodec(shapes, { ...target, slotOf: ({ tag }) => tag })
    this.#readers = shapes.map((shape) => rawReader(shape, shape.tag))
    this.#batch = store.batch()
  }

  add([row, value]: Row): void {
    if (this.#prefix.length === 0 || !row.subarray(0, this.#prefix.length).equals(this.#prefix)) this.#beginKey(row)
    if (!this.#owned) return
    const part = readPart(row, this.#prefix.length)
    if (part.kind === 'timer') return this.#putTimer(part)
    this.#entry ??= new KeyEntry(this.#key)
    const item = present(this.#readers[part.tag], `state ${part.tag} of a savepoint`)
    const reader = new ByteReader(value)
    if (part.kind === 'entry') mapSlotOf(this.#entry, part.tag).items.set(part.userKey, readValue(item, reader))
    else writeSlot(this.#entry, part.tag, item.state.kind === 'list' ? readList(item, reader) : readValue(item, reader))
  }

  /** All rows of the present key are there. */
  endKey(): void {
    // What it says of map rows that were written matters to a cache only.
    if (this.#entry !== undefined) this.#codec.encode(this.#entry, this.#batch, [])
    this.#entry = undefined
  }

  /** Writes if there are so many rows. */
  async write(least: number): Promise<void> {
    if (this.#batch.rows < least) return
    await this.#store.write(this.#batch)
    this.#batch = this.#store.batch()
  }

  #beginKey(row: Buffer): void {
    this.endKey()
    this.#prefix = row.subarray(0, prefixBytes(row))
    this.#key = readPrefix(this.#prefix)
    const group = keyGroupOf(this.#key, this.#target.keyGroups)
    this.#owned = this.#target.range.start <= group && group < this.#target.range.end
  }

  #putTimer({ domain, time }: { readonly domain: 'event' | 'processing'; readonly time: number }): void {
    this.#timerKey.reset()
    writeTimerRowKey(domain, { key: this.#key, time }, this.#target.keyGroups, this.#timerKey)
    this.#batch.put(this.#timerKey.view(), TIMER_VALUE)
  }
}

function readList(item: ItemReader, reader: ByteReader): unknown[] {
  const elements: unknown[] = []
  while (reader.more) elements.push(readSizedValue(item, reader))
  return elements
}
