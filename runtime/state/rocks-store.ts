// RocksStore: one RocksDB, as promises. The only module that knows the binding.
//
// Owns: the database handle and the count of operations under way.
// Does not own: what rows mean, the folder's life, ordering between writes (several may be in flight, in any order).
//
// I1. Nothing is asked of the binding after close() began, and close() waits for what is under way: a pending operation or an
//     open iterator at close can crash the process.
// I2. A batch copies what it is given at put(): the caller may reuse its buffers at once.

import rocksdb from 'rocksdb'
import { assert } from '../../src/util/assert.ts'
import type { Deferred } from '../../src/util/deferred.ts'
import { deferred } from '../../src/util/deferred.ts'

/**
 * The binding's options; its types know none of them. Compression costs more CPU than small rows save. Rows are read one by one, from
 * anywhere: a small block costs less to read and check.
 */
const OPEN_OPTIONS = {
  compression: false,
  writeBufferSize: 8 << 20,
  cacheSize: 8 << 20,
  blockSize: 1024,
  maxOpenFiles: 4096,
}

const READ_OPTIONS = { asBuffer: true, fillCache: true }
/** Batches kept for further rows. */
const SPARE_BATCHES = 4

/**
 * Part of the binding that its types get wrong or do not have. With an underscore: what stands before it checks and copies each key
 * once more, and does not let a batch be used again.
 */
interface Binding {
  open(options: object, done: (error?: Error) => void): void
  close(done: (error?: Error) => void): void
  _getMany(
    keys: readonly Buffer[],
    options: typeof READ_OPTIONS,
    done: (error: Error | null, values: (Buffer | undefined)[]) => void,
  ): void
  batch(): ChainedBatch
  iterator(options: object): BindingIterator
  getProperty(name: string): string
}

interface ChainedBatch {
  _put(key: Buffer, value: Buffer): void
  _del(key: Buffer): void
  _clear(): void
  _write(options: { readonly sync: boolean }, done: (error?: Error) => void): void
}

interface BindingIterator {
  next(done: (error: Error | null | undefined, key: Buffer | undefined, value: Buffer) => void): void
  end(done: (error?: Error) => void): void
}

export type Row = readonly [key: Buffer, value: Buffer]

/** Puts and deletes that are written together, once. */
export class StoreBatch {
  rows = 0
  readonly #take: () => ChainedBatch
  #batch: ChainedBatch | undefined

  constructor(take: () => ChainedBatch) {
    this.#take = take
  }

  put(key: Buffer, value: Buffer): void {
    this.#ofBinding()._put(key, value)
    this.rows += 1
  }

  del(key: Buffer): void {
    this.#ofBinding()._del(key)
    this.rows += 1
  }

  /** For RocksStore: the batch's rows, which are no longer the batch's. */
  give(): ChainedBatch {
    const batch = this.#ofBinding()
    this.#batch = undefined
    return batch
  }

  #ofBinding(): ChainedBatch {
    this.#batch ??= this.#take()
    return this.#batch
  }
}

export class RocksStore {
  readonly folder: string
  readonly #db: Binding
  readonly #spare: ChainedBatch[] = []
  #open = false
  #underWay = 0
  #writing = 0
  #quiet: Deferred | undefined
  #written: Deferred | undefined

  constructor(folder: string) {
    this.folder = folder
    this.#db = bind(folder)
  }

  /** Opens, or creates, the database in the folder. Rejects with the binding's error if the files are damaged. */
  async open(): Promise<void> {
    await opened(this.#db, { ...OPEN_OPTIONS })
    this.#open = true
  }

  /** Values in the order of the keys, undefined where there is none. */
  getMany(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    if (keys.length === 0) return Promise.resolve([])
    return this.#run((done) => this.#db._getMany(keys, READ_OPTIONS, done))
  }

  batch(): StoreBatch {
    assert(this.#open, 'a state store is used while open')
    return new StoreBatch(() => this.#spare.pop() ?? this.#db.batch())
  }

  /** Writes at once; several writes may be in flight. With `sync`, all earlier completed writes are durable afterwards too. */
  async write(batch: StoreBatch, sync = false): Promise<void> {
    this.#writing += 1
    const rows = batch.give()
    try {
      await this.#run<void>((done) => rows._write({ sync }, done as (error?: Error) => void))
      this.#recycle(rows)
    } finally {
      this.#writing -= 1
      if (this.#writing === 0) {
        this.#written?.resolve()
        this.#written = undefined
      }
    }
  }

  /** Resolves when no write is in flight. */
  async writesDone(): Promise<void> {
    while (this.#writing > 0) {
      this.#written ??= deferred()
      await this.#written.promise
    }
  }

  /** The first rows with from <= key < to, in order, at most `limit`. */
  async firstRows(from: Buffer, to: Buffer, limit: number): Promise<readonly Row[]> {
    for await (const rows of this.scan(from, to, limit, limit)) return rows
    return []
  }

  /** Rows with from <= key < to, in order, in chunks of about `chunkRows`. A consistent view as of the call of next(). */
  async *scan(from: Buffer, to: Buffer, chunkRows = 1000, limit = -1): AsyncGenerator<readonly Row[]> {
    assert(this.#open, 'a state store is used while open')
    this.#underWay += 1
    const iterator = this.#db.iterator({ gte: from, lt: to, limit, highWaterMark: 256 * 1024 })
    try {
      for (;;) {
        const rows = await nextRows(iterator, chunkRows)
        if (rows.length > 0) yield rows
        if (rows.length < chunkRows) return
        assert(this.#open, 'a state store is not closed during a scan')
      }
    } finally {
      await new Promise<void>((resolve) => iterator.end(() => resolve()))
      this.#ended()
    }
  }

  /**
   * The SST files that the MANIFEST names. Undefined while a flush or compaction runs: it writes the MANIFEST, waits for the disk
   * and only then changes what the database tells.
   */
  liveTables(): ReadonlySet<string> | undefined {
    assert(this.#open, 'a state store is used while open')
    const running = ['rocksdb.num-running-flushes', 'rocksdb.num-running-compactions']
    return running.some((name) => this.#db.getProperty(name) !== '0') ? undefined : tablesOf(this.#db)
  }

  /** The SST files that the MANIFEST of another folder names. Only reads there. */
  async tablesOf(folder: string): Promise<ReadonlySet<string>> {
    const other = bind(folder)
    await opened(other, { ...OPEN_OPTIONS, createIfMissing: false, readOnly: true, maxOpenFiles: 16 })
    try {
      return tablesOf(other)
    } finally {
      await closed(other)
    }
  }

  /** After everything under way. Idempotent, also after a failed open. */
  async close(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    while (this.#underWay > 0) {
      this.#quiet ??= deferred()
      await this.#quiet.promise
    }
    await closed(this.#db)
  }

  /** Batches weigh in memory that V8 does not see: it would let many of them wait to be collected. */
  #recycle(batch: ChainedBatch): void {
    if (!this.#open || this.#spare.length >= SPARE_BATCHES) return
    batch._clear()
    this.#spare.push(batch)
  }

  async #run<T>(operation: (done: (error: Error | null | undefined, result: T) => void) => void): Promise<T> {
    assert(this.#open, 'a state store is used while open')
    this.#underWay += 1
    try {
      return await new Promise<T>((resolve, reject) => {
        operation((error, result) => (error ? reject(error) : resolve(result)))
      })
    } finally {
      this.#ended()
    }
  }

  #ended(): void {
    this.#underWay -= 1
    if (this.#underWay > 0) return
    this.#quiet?.resolve()
    this.#quiet = undefined
  }
}

function bind(folder: string): Binding {
  return (rocksdb as unknown as (folder: string) => Binding)(folder)
}

function opened(db: Binding, options: object): Promise<void> {
  return new Promise((resolve, reject) => db.open(options, (error) => (error ? reject(error) : resolve())))
}

function closed(db: Binding): Promise<void> {
  return new Promise((resolve, reject) => db.close((error) => (error ? reject(error) : resolve())))
}

function tablesOf(db: Binding): ReadonlySet<string> {
  // One line each: ` number:bytes[...`; keys in it are hexadecimal.
  const lines = db.getProperty('rocksdb.sstables').matchAll(/^ (\d+):/gm)
  return new Set(Array.from(lines, ([, number]) => `${number?.padStart(6, '0')}.sst`))
}

function nextRows(iterator: BindingIterator, limit: number): Promise<readonly Row[]> {
  return new Promise((resolve, reject) => {
    const rows: Row[] = []
    const step = (error: Error | null | undefined, key: Buffer | undefined, value: Buffer): void => {
      if (error) return reject(error)
      if (key === undefined) return resolve(rows)
      rows.push([key, value])
      if (rows.length >= limit) return resolve(rows)
      iterator.next(step)
    }
    iterator.next(step)
  })
}
