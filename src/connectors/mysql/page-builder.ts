// PageBuilder: changes on their way into pages, and the places that pages end at.
//
// Owns: the changes told and not given, the place of each, the end of the last transaction that fits, what is executed there.
//
// I1. A page ends where a transaction ends, unless not even its first transaction fits.
// I2. A place that may be kept says what is executed at it, and inside of a transaction how many of its changes were given.
// I3. Changes of a transaction that were given before the log was opened are counted, not given.

import type { Change, TableSchema } from '../../record/change.ts'
import type { LogPage } from '../cdc/index.ts'
import { GtidSet, type Gtids } from './gtid-set.ts'
import type { AlteredTables, MysqlOffset } from './offset.ts'
import { sourceFailed } from './server.ts'
import type { FilePlace } from './transaction-reader.ts'

/** What a transaction's changes are told under. */
export interface TransactionName {
  readonly begin: FilePlace
  readonly gtid: string | undefined
  /** How many of its changes were given before. */
  readonly skip: number
}

/** Where a transaction ends, and what is known there. */
export interface TransactionEnd {
  readonly end: FilePlace
  /** When the file of the place was begun; 0 where it is not known. */
  readonly created: number
  readonly altered: AlteredTables | undefined
}

export class PageBuilder<Row> {
  readonly #server: string
  readonly #wanted: string
  #executed: Gtids | undefined
  #changes: Change<Row>[] = []
  #offsets: MysqlOffset[] = []
  #schemas: TableSchema[] = []
  #transaction: TransactionName | undefined
  #told = 0
  /** Those of the changes behind which a table has rows that the log never had. */
  readonly #replacing = new Set<Change<Row>>()
  /** Of the changes that wait, those up to the end of the last transaction that fits. */
  #fitting = 0
  #place: MysqlOffset
  #end: TransactionEnd | undefined
  /** The end of the transaction told last, while it does not fit. */
  #behind: TransactionEnd | undefined

  /** `executed` is what is executed at `from`, and grows; undefined where it is not known. */
  constructor(from: MysqlOffset, server: string, wanted: string, executed: Gtids | undefined) {
    this.#place = from
    this.#server = server
    this.#wanted = wanted
    this.#executed = executed
  }

  /** What is executed where everything told so far ends; GTIDs of `from` may have lacked some, or been unknown. */
  learn(executed: Gtids): void {
    if (this.#executed instanceof GtidSet && executed instanceof GtidSet) this.#executed.addAll(executed)
    else this.#executed ??= executed
  }

  /** Whether it is known to be executed. On a MySQL a set holds exactly that, in whatever order a server logged it. */
  isExecuted(gtid: string | undefined): boolean {
    return gtid !== undefined && this.#executed instanceof GtidSet && this.#executed.contains(gtid)
  }

  /** A page of so many changes is there to be given. */
  isFull(maxRecords: number): boolean {
    return this.#changes.length >= maxRecords || (this.#behind !== undefined && !this.#settle(maxRecords))
  }

  /** Something is there to be given without reading on. */
  get isReady(): boolean {
    return this.#fitting > 0 || this.#behind !== undefined
  }

  /** The place behind the last transaction that is told, where it fits. */
  get place(): MysqlOffset {
    if (this.#end !== undefined) {
      const { end, created, altered } = this.#end
      this.#place = this.#placed({ ...end, rows: 0 }, created, altered)
      this.#end = undefined
    }
    return this.#place
  }

  /** Changes from here on are this transaction's. */
  begin(transaction: TransactionName): void {
    this.#transaction = transaction
    this.#told = 0
  }

  /** A truncation behind which the table has rows that the log never had. */
  pushReplacing(change: Change<Row>, schema: TableSchema): void {
    this.#replacing.add(change)
    this.push(change, schema)
  }

  push(change: Change<Row>, schema: TableSchema): void {
    const { begin, gtid, skip } = this.#transaction as TransactionName
    this.#told += 1
    if (this.#told <= skip) return
    const { file, pos } = begin
    const offset: MysqlOffset = { server: this.#server, file, pos, rows: this.#told, gtid: gtid as string }
    this.#add(change, schema, gtid === undefined ? withoutGtid(offset) : offset)
  }

  /** A change that is no transaction's: it takes place where the last one ended. Not while a transaction is under way. */
  pushBetween(change: Change<Row>, schema: TableSchema, altered: AlteredTables | undefined): void {
    this.#place = this.#withAltered(this.place, altered)
    this.#add(change, schema, this.#place)
    this.#fitting = this.#changes.length
  }

  /** The transaction is told to its end. */
  end(end: TransactionEnd, maxRecords: number): void {
    const { skip, begin } = this.#transaction as TransactionName
    if (this.#told < skip)
      throw sourceFailed(
        `the transaction at ${begin.file}:${begin.pos} has ${this.#told} changes of captured tables, and ${skip} were given before: did the log or the list of tables change?`,
      )
    this.#behind = end
    this.#settle(maxRecords)
  }

  /** The place moves on, over what is no change. Not while a transaction is under way. */
  pass(end: TransactionEnd, gtid: string | undefined): void {
    if (gtid !== undefined) this.#executed?.add(gtid)
    this.#end = end
  }

  /** What is there, at most so many. */
  page(maxRecords: number): LogPage<Row> {
    const inside = this.#fitting === 0 && this.#changes.length >= maxRecords
    const count = inside ? maxRecords : this.#fitting
    const last = this.#offsets[count - 1]
    const next = inside && last !== undefined ? this.#inside(last) : this.place
    const changes = this.#changes.slice(0, count)
    const page = {
      changes,
      offsets: this.#offsets.slice(0, count),
      schemas: this.#schemas.slice(0, count),
      next,
      ended: false,
      ...(this.#replacing.size > 0 && { replaced: this.#replaced(changes) }),
    }
    this.#changes = this.#changes.slice(count)
    this.#offsets = this.#offsets.slice(count)
    this.#schemas = this.#schemas.slice(count)
    this.#fitting = 0
    return page
  }

  /** Which of these they are; they are given now. */
  #replaced(changes: readonly Change<Row>[]): number[] {
    const indexes: number[] = []
    for (const [index, change] of changes.entries()) if (this.#replacing.delete(change)) indexes.push(index)
    return indexes
  }

  #add(change: Change<Row>, schema: TableSchema, offset: MysqlOffset): void {
    this.#changes.push(change)
    this.#offsets.push(offset)
    this.#schemas.push(schema)
  }

  /** Takes in the end of the transaction told last if all that waits fits. */
  #settle(maxRecords: number): boolean {
    if (this.#behind === undefined || this.#changes.length > maxRecords) return false
    this.pass(this.#behind, this.#transaction?.gtid)
    this.#behind = undefined
    this.#fitting = this.#changes.length
    return true
  }

  /** The place of a change as one that may be kept. */
  #inside(offset: MysqlOffset): MysqlOffset {
    // A change between transactions has a whole place already.
    if (offset.rows === 0) return offset
    const { created, altered } = this.place
    const place = this.#placed(offset, offset.file === this.#place.file ? (created ?? 0) : 0, altered)
    return { ...place, wanted: this.#wanted }
  }

  #placed(
    at: FilePlace & { rows: number; gtid?: string },
    created: number,
    altered: AlteredTables | undefined,
  ): MysqlOffset {
    const place: MysqlOffset = {
      server: this.#server,
      file: at.file,
      pos: at.pos,
      rows: at.rows,
      ...(this.#executed !== undefined && { gtids: this.#executed.toString() }),
      ...(at.gtid !== undefined && { gtid: at.gtid }),
      ...(created !== 0 && { created }),
    }
    return this.#withAltered(place, altered)
  }

  #withAltered({ altered: _, ...place }: MysqlOffset, altered: AlteredTables | undefined): MysqlOffset {
    return altered === undefined ? place : { ...place, altered }
  }
}

function withoutGtid({ gtid: _, ...offset }: MysqlOffset): MysqlOffset {
  return offset
}
