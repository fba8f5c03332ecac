// ChangeEnumerator: finds tables, splits them into chunks, hands these to readers, and then hands over to the log.
//
// Owns: the ledger, which readers wait, whether the log was given out and who has it.
// Does not own: reading rows or the log.
//
// I1. The log is given out once. First when no table's snapshot is on its way any more; later tables join it.
// I2. A chunk is acknowledged in the call that snapshots: that checkpoint and all later ones hold it as read.
// I3. Nothing is emitted before a complete checkpoint says where the source began: the ledger sees to it for chunks.
// I4. Nothing happens outside the machine's calls: discovery is driven by a reader's ticks.

import type { EnumeratorContext, SplitEnumerator } from '../../contract/source-function.ts'
import type { ValueState } from '../../contract/state.ts'
import { assert } from '../../util/assert.ts'
import type { ChangeSplit, LogSplit, LogTable, TableRef, ToEnumerator, ToReader } from './change-split.ts'
import type { ChangeSourceOptions } from './options.ts'
import type { ChangePort, Offset } from './port.ts'
import {
  type ChunkEntry,
  type ChunkStore,
  type LedgerSnapshot,
  SnapshotLedger,
  type TableRecord,
} from './snapshot-ledger.ts'

/** Parts sent in one message. */
const GATE_PAGE_PARTS = 1000

interface EnumeratorSnapshot {
  readonly ledger: LedgerSnapshot
  readonly logAssigned: boolean
  /** Began without a snapshot: tables are not kept. */
  readonly logOnly: boolean
  /** Where it began then. */
  readonly logStart: Offset | undefined
}

export class ChangeEnumerator<Row> implements SplitEnumerator {
  readonly #port: ChangePort<Row>
  readonly #options: ChangeSourceOptions
  readonly #context: EnumeratorContext<ChangeSplit>
  readonly #waiting = new Set<number>()
  /** Chunks recorded since the last snapshot, by the reader that read them. */
  readonly #toAcknowledge = new Map<number, string[]>()
  #ledger!: SnapshotLedger
  #logOnly = false
  #logStart: Offset | undefined
  /** A complete checkpoint holds logStart: beginning again after a failure begins at the same place. */
  #mayBegin = false
  #beginsWith: number | undefined
  /** With an end the tables are those of the beginning: that one goes, and may come again, the log tells; a later one would move the end. */
  #fixed = false
  #logAssigned = false
  #logOwner: number | undefined
  /** Tables that were told to join and have not answered. */
  #joining = false
  #logEnded = false
  #held: Offset | undefined
  /** The log's end, as asked for last. */
  #now!: Offset
  /** There was no table at the last look, and it was told. */
  #toldNone = false

  constructor(port: ChangePort<Row>, options: ChangeSourceOptions, context: EnumeratorContext<ChangeSplit>) {
    this.#port = port
    this.#options = options
    this.#context = context
  }

  async start(): Promise<void> {
    await this.#port.open(this.#context, 'enumerator')
    const restored = this.#context.restored as EnumeratorSnapshot | undefined
    const { startup } = this.#options
    this.#logOnly = restored?.logOnly ?? (startup !== 'initial' && startup !== 'snapshot')
    this.#logAssigned = restored?.logAssigned ?? false
    const compare = (a: Offset, b: Offset): number => this.#port.compareOffsets(a, b)
    this.#ledger = new SnapshotLedger(this.#chunkStore(), compare, restored?.ledger, this.#context.rewound)
    this.#fixed = startup === 'snapshot' && restored !== undefined
    // Tables that came after the checkpoint gone back to may have been read then.
    await this.#discover(this.#context.rewound === true ? restored?.ledger.now : undefined)
    this.#now = await this.#port.currentOffset()
    this.#logStart = restored?.logStart ?? (this.#logOnly ? await this.#whereToBegin() : undefined)
    this.#mayBegin = restored !== undefined
    await this.#serve()
  }

  async onSplitRequest(subtask: number): Promise<void> {
    this.#waiting.add(subtask)
    await this.#serve()
  }

  async onReaderEvent(subtask: number, event: unknown): Promise<void> {
    const message = event as ToEnumerator
    switch (message.type) {
      case 'finished':
        this.#finished(subtask, message)
        break
      case 'log':
        await this.#meet(subtask, message.tables)
        break
      case 'gates':
        this.#sendGates(subtask, message, message.from)
        break
      case 'joined':
        this.#joining = false
        this.#logEnded = false
        for (const ref of message.tables) this.#withTable(ref, (record) => this.#ledger.joined(record))
        break
      case 'pure':
        this.#withTable(message, (record) => this.#ledger.pure(record))
        break
      case 'restart':
        await this.#restart(this.#ledger.find(message))
        break
      case 'left':
        this.#withTable(message, (record) => this.#left(record))
        break
      case 'ended':
        this.#logEnded = true
        this.#waiting.add(subtask)
        break
      case 'tick':
        await this.#discover()
    }
    await this.#serve()
  }

  snapshot(checkpoint: number): EnumeratorSnapshot {
    for (const [subtask, ids] of this.#toAcknowledge) this.#send(subtask, { type: 'ack', ids })
    this.#toAcknowledge.clear()
    this.#beginsWith ??= checkpoint
    const ledger = this.#ledger.snapshot(checkpoint, this.#now)
    return { ledger, logAssigned: this.#logAssigned, logOnly: this.#logOnly, logStart: this.#logStart }
  }

  async checkpointComplete(checkpoint: number): Promise<void> {
    this.#ledger.complete(checkpoint)
    this.#mayBegin ||= this.#beginsWith !== undefined && this.#beginsWith <= checkpoint
    await this.#serve()
  }

  async close(): Promise<void> {
    await this.#port.close()
  }

  #chunkStore(): ChunkStore {
    const { state } = this.#context
    const chunks = state.register({ name: 'chunks', kind: 'value', options: {} }) as ValueState<ChunkEntry>
    const at = (ref: TableRef, index: number): ValueState<ChunkEntry> => {
      state.setCurrentKey([ref.table, ref.generation, index])
      return chunks
    }
    return {
      get: (ref, index) => at(ref, index).get(),
      set: (ref, index, entry) => at(ref, index).set(entry),
      delete: (ref, index) => at(ref, index).clear(),
    }
  }

  #send(subtask: number, message: ToReader): void {
    this.#context.send(subtask, message)
  }

  #withTable(ref: TableRef, then: (record: TableRecord) => void): void {
    const record = this.#ledger.find(ref)
    if (record !== undefined) then(record)
  }

  /** Brings the tables up to what the database and the options say now. */
  async #discover(asOf?: Offset): Promise<void> {
    const found = await this.#port.discoverTables()
    if (found.length === 0 && !this.#toldNone)
      this.#context.logger.warn('no table is as `tables` says: nothing is read until there is one; case counts', {})
    this.#toldNone = found.length === 0
    if (this.#logOnly || this.#fixed) return
    this.#fixed = this.#options.startup === 'snapshot'
    const there = new Set(found)
    for (const record of [...this.#ledger.tables]) if (!this.#port.isWanted(record.table)) await this.#remove(record)
    await this.#miss([...this.#ledger.tables].filter(({ table }) => !there.has(table)))
    const added = found.filter((table) => !this.#ledger.has(table))
    const since = added.length > 0 ? await this.#port.currentOffset() : undefined
    for (const table of added) this.#ledger.add(table, since as Offset, asOf)
    if (added.length > 0) {
      this.#context.logger.info('tables found', { count: added.length, first: added.slice(0, 20).join(', ') })
    }
    this.#report()
  }

  async #remove(record: TableRecord): Promise<void> {
    const { table, generation } = record
    this.#context.logger.warn('a table is no longer asked for, and leaves the source', { table })
    for (let subtask = 0; subtask < this.#context.parallelism; subtask++)
      this.#send(subtask, { type: 'forget', table, generation })
    if (this.#logOwner !== undefined) {
      this.#send(this.#logOwner, { type: 'leave', table, generation, after: await this.#port.currentOffset() })
    }
    this.#ledger.remove(record)
  }

  /**
   * Tables that are gone may have come back by now: only the log can tell what became of their rows, so only the log lets go of one, and
   * only once it is past its snapshot. Until then it is read as empty.
   */
  async #miss(records: readonly TableRecord[]): Promise<void> {
    const owner = this.#logOwner
    const told = records.filter(({ phase }) => phase === 'pure')
    if (owner === undefined || told.length === 0) return
    const after = await this.#port.currentOffset()
    for (const { table, generation } of told) this.#send(owner, { type: 'missing', table, generation, after })
  }

  #finished(subtask: number, message: Extract<ToEnumerator, { type: 'finished' }>): void {
    const ids = this.#toAcknowledge.get(subtask)
    if (ids === undefined) this.#toAcknowledge.set(subtask, [message.id])
    else ids.push(message.id)
    const complete = this.#ledger.finish(message, message.index, message.parts, message.readAt)
    if (complete) this.#settleOrCheckpoint()
    this.#report()
  }

  /** With one reader its rows and then the log go the same way; with several a checkpoint has to lie between them. */
  #settleOrCheckpoint(): void {
    if (this.#context.parallelism === 1) this.#ledger.settleFinished()
    else this.#context.requestCheckpoint()
  }

  async #restart(record: TableRecord | undefined, asOf?: Offset): Promise<void> {
    if (record === undefined) return
    this.#ledger.restart(record, await this.#port.currentOffset(), asOf)
    this.#context.requestCheckpoint()
    this.#report()
  }

  /** The log's reader has said which tables it has: both sides agree from here on. */
  async #meet(subtask: number, tables: readonly LogTable[]): Promise<void> {
    this.#logOwner = subtask
    this.#logEnded = false
    this.#joining = false
    this.#held = undefined
    const followed = new Set(tables.map(({ table }) => table))
    for (const record of [...this.#ledger.tables]) {
      const { phase, table } = record
      if ((phase === 'joined' || phase === 'pure') && !followed.has(table)) this.#left(record)
    }
    for (const entry of tables) {
      const record = this.#ledger.find(entry)
      if (record === undefined) await this.#dismiss(subtask, entry)
      else if (entry.restarting) await this.#restart(record, this.#ledger.rewoundTo)
      else if (entry.gated) this.#ledger.joined(record)
      else this.#ledger.pure(record)
    }
  }

  #left(record: TableRecord): void {
    this.#context.logger.warn('a table is gone, and leaves the source', { table: record.table })
    this.#ledger.remove(record)
    this.#report()
  }

  /** A table that the log still has and the ledger has not, unless it waits to be read again. */
  async #dismiss(subtask: number, entry: LogTable): Promise<void> {
    if (entry.restarting || entry.until !== undefined) return
    const { table, generation } = entry
    this.#send(subtask, { type: 'leave', table, generation, after: await this.#port.currentOffset() })
  }

  #sendGates(subtask: number, ref: TableRef, from: number): void {
    this.#withTable(ref, (record) => {
      const { parts, next } = this.#ledger.gates(record, from, GATE_PAGE_PARTS)
      const { table, generation, order } = record
      this.#send(subtask, { type: 'gates', table, generation, parts, next, order })
    })
  }

  /** Gives waiting readers what there is: chunks, then the log, then the end. */
  async #serve(): Promise<void> {
    while (this.#waiting.size > 0 && (await this.#assignChunk())) {
      // One chunk to each reader in turn.
    }
    if (!this.#logAssigned) await this.#assignLog()
    else this.#joinLog()
    this.#holdLog()
    if (this.#ledger.wantsCheckpoint || (this.#logOnly && !this.#mayBegin)) this.#context.requestCheckpoint()
    const over = this.#logEnded && (this.#logOnly || this.#ledger.isSettled)
    if (over) for (const subtask of this.#waiting) this.#context.noMoreSplits(subtask)
    if (over) this.#waiting.clear()
  }

  async #assignChunk(): Promise<boolean> {
    if (this.#logOnly) return false
    this.#now = await this.#port.currentOffset()
    let chunk = this.#ledger.take(this.#now)
    for (
      let table = this.#ledger.nextToSplit();
      chunk === undefined && table !== undefined;
      table = this.#ledger.nextToSplit()
    ) {
      this.#ledger.addChunks(table, await this.#port.splitTable(table.table, table.resume))
      chunk = this.#ledger.take(this.#now)
    }
    if (chunk === undefined) return false
    this.#context.assign(this.#nextWaiting(), [chunk])
    return true
  }

  #nextWaiting(): number {
    const [subtask] = this.#waiting
    this.#waiting.delete(subtask as number)
    return subtask as number
  }

  async #assignLog(): Promise<void> {
    if (this.#waiting.size === 0) return
    const ready = this.#ledger.readyTogether()
    const all = [...this.#ledger.tables]
    if (this.#logOnly ? !this.#mayBegin : ready.length < all.length) return
    const split = this.#logOnly ? this.#logAlone() : await this.#logAfter(ready)
    for (const record of ready) this.#ledger.joined(record)
    this.#logAssigned = true
    this.#context.assign(this.#nextWaiting(), [split])
  }

  async #whereToBegin(): Promise<Offset> {
    const { startup } = this.#options
    if (typeof startup === 'object' && 'timestampMs' in startup) {
      assert(this.#port.offsetAt !== undefined, 'a port whose source begins at a time finds it')
      return this.#port.offsetAt(startup.timestampMs)
    }
    if (typeof startup === 'object') return this.#port.parseOffset(startup.offset)
    return startup === 'earliest' ? this.#port.earliestOffset() : this.#port.currentOffset()
  }

  #logAlone(): LogSplit {
    return { kind: 'log', id: 'log', position: this.#logStart as Offset, all: true, tables: [] }
  }

  async #logAfter(ready: readonly TableRecord[]): Promise<LogSplit> {
    const offsets = ready.flatMap((record) => [record.low as Offset, record.high as Offset])
    if (offsets.length === 0) offsets.push(await this.#port.currentOffset())
    offsets.sort((a, b) => this.#port.compareOffsets(a, b))
    const tables = ready.map(({ table, generation }) => ({ table, generation, gated: true }))
    const split: LogSplit = { kind: 'log', id: 'log', position: offsets[0] as Offset, all: false, tables }
    // All rows as of one moment: the one at which the last chunk was read. Not before: what a truncation took cannot be given again, so
    // rows that were taken back are right only where the log has told of it.
    return this.#options.startup === 'snapshot' ? { ...split, until: offsets.at(-1) as Offset } : split
  }

  #joinLog(): void {
    if (this.#logOwner === undefined || this.#joining) return
    const tables = this.#ledger
      .readyTogether()
      .map(({ table, generation, low, high }) => ({ table, generation, low: low as Offset, high: high as Offset }))
    if (tables.length === 0) return
    this.#joining = true
    this.#logEnded = false
    this.#send(this.#logOwner, { type: 'join', tables })
  }

  /** Tells the log's reader how far back the log is still needed. */
  #holdLog(): void {
    const hold = this.#ledger.holdFrom
    if (this.#logOwner === undefined || hold === this.#held) return
    this.#held = hold
    this.#send(this.#logOwner, { type: 'hold', offset: hold })
  }

  #report(): void {
    const progress = [...this.#ledger.tables].map(({ table, split, done, total, phase }) => ({
      item: table,
      done: phase === 'restarting' ? 0 : done,
      total: split ? total : undefined,
      unit: 'chunks',
    }))
    this.#context.reportProgress(progress)
  }
}
