import type { Key } from '../../src/util/key-group.ts'
import { mapKeyOf } from '../../src/util/key-group.ts'
import { type EntryCodec, MIGRATED } from './entry-codec.ts'
import type { KeyEntry } from './key-entry.ts'
import type { RocksStore, Row } from './rocks-store.ts'
import { MAIN, MAP, readMainRowKey, readMapRowKey, rowRange } from './row-key.ts'

interface KeyRows {
  main: Buffer | undefined
  readonly maps: Row[]
}

/** All rows of a small database in the heap, undecoded, for states are registered only after it was read. */
export class PreloadedRows {
  readonly #rows = new Map<ReturnType<typeof mapKeyOf>, KeyRows>()

  static async read(
    store: RocksStore,
    range: { readonly start: number; readonly end: number },
  ): Promise<PreloadedRows> {
    const all = new PreloadedRows()
    for (const kind of [MAIN, MAP]) {
      const { from, to } = rowRange(kind, range.start, range.end)
      for await (const rows of store.scan(from, to)) for (const row of rows) all.#add(kind, row)
    }
    return all
  }

  /** Fills a new entry with its rows and forgets them. Answers whether values were migrated. */
  fill(entry: KeyEntry, codec: EntryCodec): boolean {
    const rows = this.#rows.get(mapKeyOf(entry.key))
    if (rows === undefined) return false
    this.#rows.delete(mapKeyOf(entry.key))
    let found = rows.main === undefined ? 0 : codec.decodeMain(entry, rows.main)
    for (const [key, value] of rows.maps) found |= codec.decodeMapRow(entry, key, value)
    return (found & MIGRATED) !== 0
  }

  #add(kind: number, [key, value]: Row): void {
    if (kind === MAIN) this.#of(readMainRowKey(key)).main = value
    else this.#of(readMapRowKey(key).key).maps.push([key, value])
  }

  #of(key: Key): KeyRows {
    let rows = this.#rows.get(mapKeyOf(key))
    if (rows === undefined) {
      rows = { main: undefined, maps: [] }
      this.#rows.set(mapKeyOf(key), rows)
    }
    return rows
  }
}
