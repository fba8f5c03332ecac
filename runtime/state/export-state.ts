// From the databases of a checkpoint to the portable rows of a savepoint: sorted, whatever the parallelism they were written at.
//
// Main rows are in the order of keys already, and the maps of a key are read with it. Timers are in the order of time: they are
// sorted by key first, on disk if they are many, and merged in.

import { join } from 'node:path'
import type { Key } from '../../src/util/key-group.ts'
import type { StateHandle } from '../checkpoint/snapshot.ts'
import type { StateSummary } from '../checkpoint/state-section.ts'
import { ByteWriter } from './byte-writer.ts'
import { type EntryCodec, HAS_MAP_ROWS } from './entry-codec.ts'
import { KeyEntry, readSlot } from './key-entry.ts'
import { MapSlot } from './map-slot.ts'
import { mergeRows } from './merge-rows.ts'
import { PortableKeys } from './portable-row.ts'
import { RAW_CODEC, rawEntryCodec } from './raw-codec.ts'
import { openLinked, openStore, type RestoreSource } from './restore-state.ts'
import type { RocksStore, Row } from './rocks-store.ts'
import { afterPrefix, MAIN, readMainRowKey, readTimerRowKey, rowRange, timerRange } from './row-key.ts'
import { RowSorter } from './row-sorter.ts'
import { describeShape, type StateShape, sameShape } from './state-table.ts'
import { SummaryCounter } from './summary-counter.ts'
import { writeSizedValue, writeValue } from './value-bytes.ts'

/** Rows of timers that are sorted in the heap; more go by a database. */
const SORT_BYTES = 64 << 20
const SCAN_ROWS = 1000
const NO_VALUE = Buffer.alloc(0)

export interface ExportOptions {
  readonly node: string
  readonly keyGroups: number
  /** A folder to work in, on the file system of the sources. Deleted with its owner. */
  readonly scratch: string
  /** For tests. */
  readonly sortBytes?: number
}

/** The keyed state of one node, on its way out. */
export interface ExportedState {
  /** Every row, in order; to be read once. */
  readonly rows: AsyncIterable<readonly Row[]>
  /** What the rows amounted to, once they are read. */
  summary(): StateSummary
}

/** The state of a node from the folders of all its subtasks, whose key groups do not overlap. Throws STATE_BACKEND, CHECKPOINT_VERSION. */
export async function exportState(sources: readonly RestoreSource[], options: ExportOptions): Promise<ExportedState> {
  const ordered = sources.toSorted((a, b) => a.handle.keyGroups.start - b.handle.keyGroups.start)
  const folders = ordered.map((_, i) => join(options.scratch, `${options.node}-${i}`))
  const tables: (readonly StateShape[])[] = []
  for (const [i, source] of ordered.entries()) {
    const { store, table } = await openLinked(source, folders[i] as string, options)
    await store.close()
    tables.push(table.shapes)
  }
  const summary = new SummaryCounter(unionOf(tables))
  async function* rows(): AsyncGenerator<readonly Row[]> {
    for (const [i, { handle }] of ordered.entries()) {
      const store = await openStore(folders[i] as string, options.node)
      try {
        yield* stateRows(store, handle.keyGroups, { ...options, shapes: tables[i] ?? [], summary })
      } finally {
        await store.close()
      }
    }
  }
  return { rows: rows(), summary: () => summary.result() }
}

/** The rows of one key, in order, from the folder that has its key group. */
export async function exportKey(
  source: RestoreSource,
  key: Key,
  options: ExportOptions,
): Promise<{ readonly rows: readonly Row[]; readonly states: readonly StateShape[] }> {
  const { store, table } = await openLinked(source, join(options.scratch, options.node), options)
  try {
    const writer = new EntryRows(table.shapes, { ...options, summary: new SummaryCounter(table.shapes) })
    const [row] = await store.getMany([writer.codec.mainRowKey(key)])
    const rows = row === undefined ? [] : [...(await writer.of(key, row, store))]
    const prefix = writer.keys.prefix(key)
    for await (const chunk of timerRows(store, writer)) {
      rows.push(...chunk.filter(([row]) => row.subarray(0, prefix.length).equals(prefix)))
    }
    return { rows: rows.sort(byKey), states: table.shapes }
  } finally {
    await store.close()
  }
}

interface RowOptions extends ExportOptions {
  /** Of the database. */
  readonly shapes: readonly StateShape[]
  readonly summary: SummaryCounter
}

async function* stateRows(
  store: RocksStore,
  { start, end }: StateHandle['keyGroups'],
  options: RowOptions,
): AsyncGenerator<readonly Row[]> {
  const writer = new EntryRows(options.shapes, options)
  const sorter = new RowSorter(join(options.scratch, `${options.node}.timers`), options.sortBytes ?? SORT_BYTES)
  try {
    for await (const rows of timerRows(store, writer)) for (const row of rows) await sorter.add(row)
    yield* mergeRows(entryRows(store, rowRange(MAIN, start, end), writer), sorter.sorted())
  } finally {
    await sorter.close()
  }
}

async function* entryRows(
  store: RocksStore,
  { from, to }: { readonly from: Buffer; readonly to: Buffer },
  writer: EntryRows,
): AsyncGenerator<readonly Row[]> {
  let rows: Row[] = []
  for await (const chunk of store.scan(from, to, SCAN_ROWS)) {
    for (const [rowKey, row] of chunk) {
      const more = writer.of(readMainRowKey(rowKey), row, store)
      for (const each of more instanceof Promise ? await more : more) rows.push(each)
      if (rows.length < SCAN_ROWS) continue
      yield rows
      rows = []
    }
  }
  yield rows
}

/** In the order of time. */
async function* timerRows(store: RocksStore, { keys, summary }: EntryRows): AsyncGenerator<readonly Row[]> {
  const { from, to } = timerRange()
  for await (const chunk of store.scan(from, to, SCAN_ROWS)) {
    yield chunk.map(([rowKey]): Row => {
      const { key, domain, time } = readTimerRowKey(rowKey)
      summary.timer(domain, time)
      return [keys.row(keys.prefix(key), { kind: 'timer', domain, time }), NO_VALUE]
    })
  }
}

/** Makes portable rows of what a database has of a key. */
class EntryRows {
  readonly codec: EntryCodec
  readonly keys: PortableKeys
  readonly summary: SummaryCounter
  readonly #value = new ByteWriter()

  constructor(shapes: readonly StateShape[], { node, keyGroups, summary }: Omit<RowOptions, 'shapes'>) {
    this.codec = rawEntryCodec(shapes, { node, keyGroups, slotOf: (shape) => summary.placeOf(shape) })
    this.keys = new PortableKeys(keyGroups)
    this.summary = summary
  }

  /** In order; a promise if the key has large maps. */
  of(key: Key, mainRow: Buffer, store: RocksStore): Row[] | Promise<Row[]> {
    const entry = new KeyEntry(key)
    const hasMaps = (this.codec.decodeMain(entry, mainRow) & HAS_MAP_ROWS) !== 0
    return hasMaps ? this.#withMaps(entry, store) : this.#rowsOf(entry)
  }

  async #withMaps(entry: KeyEntry, store: RocksStore): Promise<Row[]> {
    const prefix = this.codec.mapRowPrefix(entry.key)
    for await (const rows of store.scan(prefix, afterPrefix(prefix), SCAN_ROWS)) {
      for (const [rowKey, row] of rows) this.codec.decodeMapRow(entry, rowKey, row)
    }
    return this.#rowsOf(entry)
  }

  #rowsOf(entry: KeyEntry): Row[] {
    const prefix = this.keys.prefix(entry.key)
    const rows: Row[] = []
    for (const [tag, { kind }] of this.summary.shapes.entries()) {
      const slot = readSlot(entry, tag)
      if (slot === undefined) continue
      if (slot instanceof MapSlot) {
        for (const [userKey, value] of slot.items) {
          rows.push([this.keys.row(prefix, { kind: 'entry', tag, userKey }), this.#encoded([value], false)])
        }
      } else {
        const values = kind === 'list' ? (slot as readonly unknown[]) : [slot]
        rows.push([this.keys.row(prefix, { kind: 'state', tag }), this.#encoded(values, kind === 'list')])
      }
    }
    this.summary.state(rows, prefix.length)
    return rows.sort(byKey)
  }

  #encoded(values: readonly unknown[], sized: boolean): Buffer {
    this.#value.reset()
    for (const value of values) {
      if (sized) writeSizedValue(value, RAW_CODEC, this.#value)
      else writeValue(value, RAW_CODEC, this.#value)
    }
    return this.#value.copy()
  }
}

function byKey([a]: Row, [b]: Row): number {
  return Buffer.compare(a, b)
}

/** Every shape of some tables, in an order that does not depend on them: their places are the tags of portable rows. */
function unionOf(tables: readonly (readonly StateShape[])[]): StateShape[] {
  const union: StateShape[] = []
  for (const shape of tables.flat()) if (!union.some((other) => sameShape(other, shape))) union.push(shape)
  const text = (shape: StateShape): string =>
    [shape.name, String(shape.version).padStart(16), describeShape(shape)].join('\0')
  return union.sort((a, b) => (text(a) < text(b) ? -1 : 1)).map((shape, tag) => ({ ...shape, tag }))
}
