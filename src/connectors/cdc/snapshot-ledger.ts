// SnapshotLedger: how far the snapshot of each table has come. Pure: no clock, no I/O; the enumerator acts on what it answers.
//
// Owns: the tables, their phases, their chunks (in a ChunkStore, entry by entry).
// Does not own: talking to readers, reading the database.
//
// I1. Chunks [0, taken) of a table were given to readers, [taken, total) were not. A restored reader has exactly the unfinished
//     ones among the former, for the machine keeps what was assigned before a snapshot in that checkpoint.
// I2. A table is `ready` only when a complete checkpoint holds it as `finished`: all its rows are then durable downstream.
//     A restored `finished` table is ready at once, for what is restored was complete.
// I3. The parts of a table's chunks are kept until the log is past all of them, then dropped.
// I4. A chunk is given out only if its number is below the `horizon` that a complete checkpoint holds. So after a restore it is
//     known which chunks a failed attempt may have read: those given out, and those below the horizon. All others are untouched.
// I5. Such a chunk carries an offset (`asOf`) that lies before any read of the failed attempt.

import { assert, present } from '../../util/assert.ts'
import { type ChunkPart, type ChunkSplit, chunkId, type TableRef } from './change-split.ts'
import type { KeyOrder, KeyRange, Offset, TableSplit } from './port.ts'

/** What is kept of one chunk. `parts` once it is read. */
export interface ChunkEntry {
  readonly range: KeyRange
  readonly parts: readonly ChunkPart[] | undefined
}

/** Entries by table, generation and index; part of the checkpoint. */
export interface ChunkStore {
  get(ref: TableRef, index: number): ChunkEntry | undefined
  set(ref: TableRef, index: number, entry: ChunkEntry): void
  delete(ref: TableRef, index: number): void
}

/**
 * reading: chunks are being found and read. finished: all are read. ready: their rows are durable downstream, the log may take over.
 * joined: the log has the table and judges its changes by chunk. pure: the log is past the snapshot. restarting: truncated
 * meanwhile or other rows took their place, to be read anew once a checkpoint holds the truncation.
 */
export type TablePhase = 'reading' | 'finished' | 'ready' | 'joined' | 'pure' | 'restarting'

/** Every legal move of a table. */
export const TABLE_MOVES: Readonly<Record<TablePhase, readonly TablePhase[]>> = {
  reading: ['finished'],
  finished: ['ready'],
  ready: ['joined'],
  joined: ['pure', 'restarting'],
  pure: ['restarting'],
  restarting: ['reading'],
}

/** A table's record: small, and part of every checkpoint. */
export interface TableRecord extends TableRef {
  phase: TablePhase
  generation: number
  /** For the port to go on splitting; meaningless once split. */
  resume: NonNullable<unknown> | undefined
  /** By which it is split; until it is pure. */
  order: KeyOrder | undefined
  split: boolean
  total: number
  taken: number
  /** Chunks below may be given out once this record is part of a complete checkpoint. */
  horizon: number
  /** Chunks below `below` may have been read by an attempt that failed, but not before `asOf`. Ascending. */
  suspects: readonly Suspects[]
  done: number
  /** The least offset that a part is as of, and the greatest at which one was read. */
  low: Offset | undefined
  high: Offset | undefined
  /** The log's end before the first chunk was read: the log is needed from here until the table has joined. */
  since: Offset
}

/** See TableRecord.suspects. */
export interface Suspects {
  readonly below: number
  readonly asOf: Offset
}

export interface LedgerSnapshot {
  /** Nothing that is read after this snapshot is read at an earlier offset. */
  readonly now: Offset
  readonly nextGeneration: number
  readonly tables: readonly TableRecord[]
}

/** How many chunks may be given out between two checkpoints. */
const HORIZON_CHUNKS = 256

export class SnapshotLedger {
  readonly #store: ChunkStore
  readonly #compare: (a: Offset, b: Offset) => number
  readonly #tables = new Map<string, TableRecord>()
  /** By table: the first checkpoint begun since the table finished or restarted. */
  readonly #sealedBy = new Map<string, number>()
  /** By table: what a complete checkpoint allows; and by checkpoint under way, what it will. */
  readonly #allowed = new Map<string, number>()
  readonly #planned = new Map<number, readonly (TableRef & { readonly horizon: number })[]>()
  /** The job went back: what was read since the checkpoint, in any snapshot of a table, was not read before this offset. */
  readonly rewoundTo: Offset | undefined
  #nextGeneration = 1

  /** `rewound`: later checkpoints were complete, so any chunk may have been read. */
  constructor(
    store: ChunkStore,
    compare: (a: Offset, b: Offset) => number,
    restored?: LedgerSnapshot,
    rewound = false,
  ) {
    this.#store = store
    this.#compare = compare
    if (restored === undefined) return
    this.#nextGeneration = restored.nextGeneration
    this.rewoundTo = rewound ? restored.now : undefined
    for (const saved of restored.tables) {
      // Nothing was read yet of a snapshot that starts over.
      const read = saved.phase === 'restarting' ? [] : [{ below: saved.horizon, asOf: restored.now }]
      const record = { ...saved, suspects: [...saved.suspects, ...read, ...allSince(this.rewoundTo)] }
      this.#tables.set(record.table, record)
      this.#allowed.set(record.table, record.horizon)
      this.#settle(record)
    }
  }

  get tables(): IterableIterator<TableRecord> {
    return this.#tables.values()
  }

  /** The record of this very snapshot of the table, if it is the current one. */
  find(ref: TableRef): TableRecord | undefined {
    const record = this.#tables.get(ref.table)
    return record?.generation === ref.generation ? record : undefined
  }

  has(table: string): boolean {
    return this.#tables.has(table)
  }

  /** `asOf`: the table may have been read before, but not before this offset. */
  add(table: string, since: Offset, asOf?: Offset): void {
    assert(!this.#tables.has(table), `table ${table} is added once`)
    this.#tables.set(table, { table, ...this.#freshSnapshot(), suspects: allSince(asOf), since: asOf ?? since })
  }

  /** Forgets a table and its chunks. */
  remove(record: TableRecord): void {
    this.#dropChunks(record)
    this.#tables.delete(record.table)
    this.#sealedBy.delete(record.table)
    this.#allowed.delete(record.table)
  }

  /** The next chunk to read, of the earliest table that has one; undefined if none may be read now. `now`: the log's end. */
  take(now: Offset): ChunkSplit | undefined {
    for (const record of this.#tables.values()) {
      if (record.phase !== 'reading' || record.taken === record.total) continue
      if (record.taken >= (this.#allowed.get(record.table) ?? 0)) continue
      const index = record.taken++
      const { range } = present(this.#store.get(record, index), `chunk ${index} of ${record.table}`)
      const { table, generation, order } = record
      const asOf = record.suspects.find(({ below }) => index < below)?.asOf
      record.suspects = record.suspects.filter(({ below }) => below > record.taken)
      const id = chunkId(table, generation, index)
      const read = { read: [], next: range.from, since: now, ...(asOf === undefined ? {} : { asOf }), done: false }
      return { kind: 'chunk', id, table, generation, index, range, ...(order !== undefined && { order }), ...read }
    }
    return undefined
  }

  /** Chunks will soon wait for a checkpoint that allows them. */
  get wantsCheckpoint(): boolean {
    for (const { table, phase, split, taken, total } of this.#tables.values()) {
      if (phase !== 'reading' || (split && taken === total)) continue
      const allowed = this.#allowed.get(table) ?? 0
      if (allowed - taken < HORIZON_CHUNKS / 2 && !(split && allowed >= total)) return true
    }
    return false
  }

  /** The earliest table of which another chunk may be given out and none is known. */
  nextToSplit(): TableRecord | undefined {
    for (const record of this.#tables.values()) {
      const { phase, split, taken, total, table } = record
      if (phase === 'reading' && !split && taken === total && taken < (this.#allowed.get(table) ?? 0)) return record
    }
    return undefined
  }

  addChunks(record: TableRecord, found: TableSplit): void {
    for (const range of found.ranges) this.#store.set(record, record.total++, { range, parts: undefined })
    record.order ??= found.order
    record.resume = found.resume
    record.split = found.resume === undefined
    assert(record.total > 0, `table ${record.table} has a chunk`)
    this.#finishIfComplete(record)
  }

  /** A chunk was read. True if with it the whole table is. A repeated report changes nothing. */
  finish(ref: TableRef, index: number, parts: readonly ChunkPart[], readAt?: Offset): boolean {
    const record = this.find(ref)
    const entry = record?.phase === 'reading' ? this.#store.get(ref, index) : undefined
    if (record === undefined || entry === undefined || entry.parts !== undefined) return false
    assert(index < record.taken, `chunk ${index} of ${ref.table} was given out before it was read`)
    this.#store.set(ref, index, { range: entry.range, parts })
    record.done += 1
    for (const { high } of parts) {
      this.#reach(record, high)
      if (record.low === undefined || this.#compare(high, record.low) < 0) record.low = high
    }
    if (readAt !== undefined) this.#reach(record, readAt)
    return this.#finishIfComplete(record)
  }

  /** A checkpoint begins, and this is its snapshot. */
  snapshot(checkpoint: number, now: Offset): LedgerSnapshot {
    const reading = [...this.#tables.values()].filter(({ phase }) => phase === 'reading')
    for (const record of reading) record.horizon = record.taken + HORIZON_CHUNKS
    this.#planned.set(
      checkpoint,
      reading.map(({ table, generation, horizon }) => ({ table, generation, horizon })),
    )
    for (const record of this.#tables.values()) {
      const waits = record.phase === 'finished' || record.phase === 'restarting'
      if (waits && !this.#sealedBy.has(record.table)) this.#sealedBy.set(record.table, checkpoint)
    }
    return {
      now,
      nextGeneration: this.#nextGeneration,
      tables: [...this.#tables.values()].map((record) => ({ ...record })),
    }
  }

  /** A checkpoint is complete: what it holds is durable downstream. */
  complete(checkpoint: number): void {
    for (const { table, generation, horizon } of this.#planned.get(checkpoint) ?? []) {
      if (this.find({ table, generation }) !== undefined) this.#allowed.set(table, horizon)
    }
    for (const id of [...this.#planned.keys()]) if (id <= checkpoint) this.#planned.delete(id)
    for (const [table, sealedBy] of this.#sealedBy) {
      if (sealedBy > checkpoint) continue
      this.#sealedBy.delete(table)
      this.#settle(present(this.#tables.get(table), `table ${table}`))
    }
  }

  /** All rows of finished tables reach the sinks before the log's by another way: no checkpoint is needed. */
  settleFinished(): void {
    for (const record of this.#tables.values()) if (record.phase === 'finished') this.#settle(record)
  }

  /** The tables that wait for the log, once no other is still being read; else none. */
  readyTogether(): readonly TableRecord[] {
    const ready: TableRecord[] = []
    for (const record of this.#tables.values()) {
      if (record.phase === 'ready') ready.push(record)
      else if (record.phase !== 'joined' && record.phase !== 'pure') return []
    }
    return ready
  }

  /** No table's snapshot is on its way. */
  get isSettled(): boolean {
    for (const { phase } of this.#tables.values()) if (phase !== 'joined' && phase !== 'pure') return false
    return true
  }

  /** The log is needed from here for tables that have not joined it. */
  get holdFrom(): Offset | undefined {
    let least: Offset | undefined
    for (const { phase, since } of this.#tables.values()) {
      if (phase === 'joined' || phase === 'pure') continue
      if (least === undefined || this.#compare(since, least) < 0) least = since
    }
    return least
  }

  /** The log has the table. Repeating it changes nothing. */
  joined(record: TableRecord): void {
    if (record.phase === 'ready') this.#move(record, 'joined')
  }

  /** The log is past the table's snapshot. */
  pure(record: TableRecord): void {
    this.joined(record)
    if (record.phase !== 'joined') return
    this.#dropChunks(record)
    this.#move(record, 'pure')
  }

  /**
   * The table was truncated while its changes were judged by chunk, or has other rows. The log is needed from `since` on. `asOf`: what comes
   * may have been read before, but not before this offset.
   */
  restart(record: TableRecord, since: Offset, asOf?: Offset): void {
    this.joined(record)
    if (record.phase !== 'joined' && record.phase !== 'pure') return
    if (record.phase === 'joined') this.#dropChunks(record)
    this.#move(record, 'restarting')
    record.suspects = allSince(asOf)
    record.since = asOf ?? since
  }

  /** The parts of whole chunks, from chunk `from` on, at least one chunk and then up to about `partsMax`. */
  gates(
    record: TableRecord,
    from: number,
    partsMax: number,
  ): { parts: readonly ChunkPart[]; next: number | undefined } {
    const parts: ChunkPart[] = []
    let index = from
    for (; index < record.total && (index === from || parts.length < partsMax); index++) {
      parts.push(...present(this.#store.get(record, index)?.parts, `parts of chunk ${index} of ${record.table}`))
    }
    return { parts, next: index < record.total ? index : undefined }
  }

  #freshSnapshot(): Omit<TableRecord, 'table' | 'since'> {
    const generation = this.#nextGeneration++
    const counts = { total: 0, taken: 0, horizon: 0, suspects: [], done: 0 }
    const unknown = { resume: undefined, order: undefined, low: undefined, high: undefined }
    return { phase: 'reading', generation, split: false, ...counts, ...unknown }
  }

  #finishIfComplete(record: TableRecord): boolean {
    if (!record.split || record.done < record.total) return false
    this.#move(record, 'finished')
    return true
  }

  #reach(record: TableRecord, offset: Offset): void {
    if (record.high === undefined || this.#compare(offset, record.high) > 0) record.high = offset
  }

  #settle(record: TableRecord): void {
    if (record.phase === 'finished') this.#move(record, 'ready')
    if (record.phase !== 'restarting') return
    this.#move(record, 'reading')
    Object.assign(record, this.#freshSnapshot(), { suspects: record.suspects })
    this.#allowed.delete(record.table)
  }

  #move(record: TableRecord, to: TablePhase): void {
    assert(TABLE_MOVES[record.phase].includes(to), `table ${record.table} goes from ${record.phase} to ${to}`)
    record.phase = to
  }

  #dropChunks(record: TableRecord): void {
    for (let index = 0; index < record.total; index++) this.#store.delete(record, index)
    record.order = undefined
  }
}

/** Whatever chunk it is, it may have been read, but not before this offset. */
function allSince(asOf: Offset | undefined): readonly Suspects[] {
  return asOf === undefined ? [] : [{ below: Number.MAX_SAFE_INTEGER, asOf }]
}
