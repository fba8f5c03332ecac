// KeyMerge: sorted batches of several origins as one sequence, key by key.
//
// Owns: where each origin is read; the records of the present key not yet passed on.
// Does not own: what is done with them (the visitor).
//
// I1. Keys come one after the other, each once: its records, then endOfKey.
// I2. Records of a key are passed on by event time, those without one first; at equal times by rank of their origin, then in its order.
// I3. At most BATCH_RECORDS records are held beside the batches being read.

import { BATCH_RECORDS, type Batch, batchOf } from '../../src/record/batch.ts'
import { assert } from '../../src/util/assert.ts'
import { hashKey, type Key } from '../../src/util/key-group.ts'
import type { Pending } from '../channel/channel.ts'
import { compareKeys, sameKey } from './compare-keys.ts'
import { NO_TIME, type SortedBatches } from './sorted-batches.ts'

/** Takes records key by key. A returned promise is awaited before the next call. */
export interface KeyVisitor {
  /** Records of one key and one input; some more of the key may follow. */
  records(batch: Batch, input: number): Pending
  /** All records of the key were passed on. */
  endOfKey(key: Key): Pending
}

/** Sorted batches and the input they are of. Their rank is their place in the list of origins. */
export interface Origin {
  readonly batches: SortedBatches
  readonly input: number
}

/** Passes on all records of all origins. An origin is closed when it was read. */
export async function mergeByKey(origins: readonly Origin[], visitor: KeyVisitor): Promise<void> {
  const merge = new KeyMerge(visitor)
  for (const [rank, origin] of origins.entries()) await merge.add(new Cursor(origin, rank))
  await merge.run()
}

/** One origin, standing at a record. */
class Cursor {
  readonly batches: SortedBatches
  readonly input: number
  readonly rank: number
  hash = 0
  key: Key = 0
  time = NO_TIME
  value: unknown = undefined
  #values: readonly unknown[] = []
  #times: readonly number[] | undefined
  #keys: readonly Key[] = []
  #at = 0

  constructor({ batches, input }: Origin, rank: number) {
    this.batches = batches
    this.input = input
    this.rank = rank
  }

  /** To the next record of the batch; false if there is none. */
  advance(): boolean {
    const at = this.#at
    if (at === this.#values.length) return false
    this.#at = at + 1
    this.value = this.#values[at]
    this.time = this.#times === undefined ? NO_TIME : (this.#times[at] as number)
    const key = this.#keys[at] as Key
    if (key === this.key) return true
    this.key = key
    this.hash = hashKey(key)
    return true
  }

  /** The next batch, standing at its first record; false if there is none. */
  async load(): Promise<boolean> {
    const batch = await this.batches.next()
    if (batch === undefined) return false
    assert(batch.keys !== undefined, 'batches of a spool have keys')
    this.#values = batch.values
    this.#times = batch.timestamps
    this.#keys = batch.keys
    this.#at = 0
    // A number has a hash of its own, so that the first key needs a look in any case.
    this.key = batch.keys[0] as Key
    this.hash = hashKey(this.key)
    return this.advance()
  }
}

function before(a: Cursor, b: Cursor): boolean {
  if (a.hash !== b.hash) return a.hash < b.hash
  const keys = compareKeys(a.key, b.key)
  if (keys !== 0) return keys < 0
  return a.time !== b.time ? a.time < b.time : a.rank < b.rank
}

class KeyMerge {
  readonly #visitor: KeyVisitor
  /** A heap: the cursor at the least record first. */
  readonly #cursors: Cursor[] = []
  #key: Key | undefined
  #hash = 0
  #input = 0
  #values: unknown[] = []
  #times: number[] = []
  #timed = false

  constructor(visitor: KeyVisitor) {
    this.#visitor = visitor
  }

  async add(cursor: Cursor): Promise<void> {
    if (!(await cursor.load())) return cursor.batches.close()
    this.#cursors.push(cursor)
    this.#siftUp()
  }

  async run(): Promise<void> {
    for (;;) {
      const cursor = this.#cursors[0]
      if (cursor === undefined) break
      const passing = this.#makeWay(cursor)
      if (passing !== undefined) await passing
      this.#take(cursor)
      if (cursor.advance() || (await cursor.load())) this.#siftDown()
      else await this.#drop(cursor)
    }
    if (this.#key !== undefined) await this.#endKey(this.#key)
  }

  /** Passes on what cannot be in one batch with the cursor's record. */
  #makeWay(cursor: Cursor): Pending {
    const key = this.#key
    if (key !== undefined && cursor.hash === this.#hash && sameKey(cursor.key, key)) {
      const fits =
        this.#values.length < BATCH_RECORDS && cursor.input === this.#input && (cursor.time !== NO_TIME) === this.#timed
      return fits ? undefined : this.#pass()
    }
    const ending = key === undefined ? undefined : this.#endKey(key)
    this.#key = cursor.key
    this.#hash = cursor.hash
    return ending
  }

  #take(cursor: Cursor): void {
    if (this.#values.length === 0) {
      this.#input = cursor.input
      this.#timed = cursor.time !== NO_TIME
    }
    this.#values.push(cursor.value)
    if (this.#timed) this.#times.push(cursor.time)
  }

  #pass(): Pending {
    const values = this.#values
    const times = this.#timed ? this.#times : undefined
    this.#values = []
    this.#times = []
    const keys = new Array<Key>(values.length).fill(this.#key as Key)
    return this.#visitor.records(batchOf(values, times, keys), this.#input)
  }

  #endKey(key: Key): Pending {
    const passing = this.#pass()
    return passing === undefined ? this.#visitor.endOfKey(key) : passing.then(() => this.#visitor.endOfKey(key))
  }

  async #drop(cursor: Cursor): Promise<void> {
    const last = this.#cursors.pop() as Cursor
    if (this.#cursors.length > 0) {
      this.#cursors[0] = last
      this.#siftDown()
    }
    await cursor.batches.close()
  }

  #siftUp(): void {
    const cursors = this.#cursors
    let at = cursors.length - 1
    const moving = cursors[at] as Cursor
    while (at > 0) {
      const parent = (at - 1) >>> 1
      if (!before(moving, cursors[parent] as Cursor)) break
      cursors[at] = cursors[parent] as Cursor
      at = parent
    }
    cursors[at] = moving
  }

  #siftDown(): void {
    const cursors = this.#cursors
    const moving = cursors[0] as Cursor
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= cursors.length) break
      if (child + 1 < cursors.length && before(cursors[child + 1] as Cursor, cursors[child] as Cursor)) child += 1
      if (!before(cursors[child] as Cursor, moving)) break
      cursors[at] = cursors[child] as Cursor
      at = child
    }
    cursors[at] = moving
  }
}
