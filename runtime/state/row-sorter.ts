// RowSorter: rows in any order, given back in the order of their keys.
//
// Owns: the rows it holds; beyond a limit a database in its folder, for which they are only bytes.
// Does not own: what rows mean.
//
// I1. At most `bytesMax` of rows are in the heap, whatever was added.
// I2. Once something was read nothing is added.

import { mkdir, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { assert } from '../../src/util/assert.ts'
import { RocksStore, type Row } from './rocks-store.ts'

const ROWS_PER_CHUNK = 1000
/** What a row takes in the heap beside its bytes. */
const ROW_OVERHEAD_BYTES = 250

export class RowSorter {
  readonly #folder: string
  readonly #bytesMax: number
  #rows: Row[] = []
  #bytes = 0
  #store: RocksStore | undefined
  #sorted = false

  /** `folder`: where a database may be made, if it comes to that; close() deletes it. */
  constructor(folder: string, bytesMax: number) {
    this.#folder = folder
    this.#bytesMax = bytesMax
  }

  /** Adds a row; a promise to be awaited before the next one while rows are written out. */
  add(row: Row): Promise<void> | undefined {
    assert(!this.#sorted, 'rows are added before they are read')
    this.#rows.push(row)
    this.#bytes += row[0].length + row[1].length + ROW_OVERHEAD_BYTES
    return this.#bytes > this.#bytesMax ? this.#spill() : undefined
  }

  /** Every row, in order, in chunks. */
  async *sorted(): AsyncGenerator<readonly Row[]> {
    this.#sorted = true
    if (this.#store !== undefined) {
      await this.#spill()
      yield* this.#store.scan(Buffer.from([0]), Buffer.from([255]), ROWS_PER_CHUNK)
      return
    }
    this.#rows.sort((a, b) => Buffer.compare(a[0], b[0]))
    for (let at = 0; at < this.#rows.length; at += ROWS_PER_CHUNK) yield this.#rows.slice(at, at + ROWS_PER_CHUNK)
  }

  async close(): Promise<void> {
    this.#rows = []
    await this.#store?.close()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #spill(): Promise<void> {
    this.#store ??= await makeStore(this.#folder)
    const batch = this.#store.batch()
    for (const [key, value] of this.#rows) batch.put(key, value)
    this.#rows = []
    this.#bytes = 0
    await this.#store.write(batch)
  }
}

async function makeStore(folder: string): Promise<RocksStore> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(dirname(folder), { recursive: true })
  const store = new RocksStore(folder)
  await store.open()
  return store
}
