// The connection of a sink.

import { reasonOf } from '../../errors.ts'
import { SqliteDatabase } from './database.ts'

const LOCK_PAUSE_MS = 10

/**
 * Opens the file, making it (with a write-ahead log, so that readers are not in the way) if it is new. Foreign keys and checks
 * are not enforced: rows come in the order of changes per key, not in the order of references between tables.
 */
export function openTarget(file: string, busyMs: number): TargetDatabase {
  return new TargetDatabase(file, busyMs)
}

/** A database whose commits are durable when flush() returns. */
export class TargetDatabase extends SqliteDatabase {
  #unflushed = false
  readonly #isWal: boolean

  constructor(file: string, busyMs: number) {
    super(file, busyMs)
    const isNew = this.first('PRAGMA page_count')?.[0] === 0n
    if (isNew) this.#enterWal(busyMs)
    this.#isWal = this.first('PRAGMA journal_mode')?.[0] === 'wal'
    // With a write-ahead log, a sync at flush covers all commits before it.
    this.exec(`PRAGMA synchronous = ${this.#isWal ? 'NORMAL' : 'FULL'}`)
    this.exec('PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON')
  }

  /** SQLite does not wait for another program's lock here, be it one that only looks whether the file is there yet. */
  #enterWal(busyMs: number): void {
    for (let waits = Math.ceil(busyMs / LOCK_PAUSE_MS); ; waits--) {
      try {
        this.all('PRAGMA journal_mode = WAL')
        return
      } catch (error) {
        if (waits <= 0 || !reasonOf(error).includes('database is locked')) throw error
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_PAUSE_MS)
      }
    }
  }

  /** One transaction; visible at once. */
  write(work: () => void): void {
    this.transaction('IMMEDIATE', work)
    this.#unflushed = true
  }

  /** Returns when every write is on the disk. */
  flush(): void {
    if (!this.#unflushed) return
    if (this.#isWal) this.#sync()
    this.#unflushed = false
  }

  /** A commit that writes a page without changing it: in mode FULL it syncs the log, with all that is in it. */
  #sync(): void {
    this.exec('PRAGMA synchronous = FULL')
    this.transaction('IMMEDIATE', () => this.exec(`PRAGMA user_version = ${this.first('PRAGMA user_version')?.[0]}`))
    this.exec('PRAGMA synchronous = NORMAL')
  }
}
