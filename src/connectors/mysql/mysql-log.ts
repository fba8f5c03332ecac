// MysqlLog: reads the binary log from a place on, transaction by transaction.
//
// Owns: the stream, the transaction that is being told, prepared XA transactions.
// Does not own: where transactions begin and end (TransactionReader), what pages and places are (PageBuilder), what statements do to
// tables (StatementFollower).
//
// I1. A transaction is told when it is known to be committed: one of XA at its XA COMMIT, under that one's place and GTID.
// I2. One stream is open at a time, so one server id will do. Going back, to a transaction too large to hold or one that was prepared
//     earlier, closes it and opens another.

import type { Change, ChangeSource } from '../../record/change.ts'
import type { ChangeLog, LogPage } from '../cdc/index.ts'
import { schemaChange } from '../cdc/schema-change.ts'
import type { MysqlValue } from './column.ts'
import type { TableName } from './ddl.ts'
import type { Gtids } from './gtid-set.ts'
import { parseGtids } from './gtids.ts'
import type { MysqlOffset } from './offset.ts'
import { PageBuilder, type TransactionEnd } from './page-builder.ts'
import { gone } from './place.ts'
import { PreparedTransactions } from './prepared-transactions.ts'
import { sourceFailed } from './server.ts'
import { StatementFollower } from './statement-follower.ts'
import type { TableReader, TableReaders } from './table-readers.ts'
import {
  type EventStream,
  type FilePlace,
  type LoggedItem,
  type Transaction,
  TransactionReader,
} from './transaction-reader.ts'

export type { EventStream } from './transaction-reader.ts'

/** What MysqlLog needs of the port. */
export interface MysqlLogOptions<Row> {
  /** Opens the log at a place where a transaction begins. The stream open before is closed. */
  readonly open: (at: MysqlOffset) => Promise<EventStream>
  readonly from: MysqlOffset
  /** ServerInfo.id and .mariadb of the connected server. */
  readonly server: { readonly id: string; readonly mariadb: boolean }
  /** For this log alone. */
  readonly readers: TableReaders<Row>
  /** A fingerprint of what isWanted depends on; stands in places inside transactions. */
  readonly wanted: string
  /** The wanted tables that there are now: a database that is dropped does not name its tables. */
  readonly tables: () => Promise<readonly TableName[]>
  readonly currentPlace: () => Promise<MysqlOffset>
  /** The names of the log's files, oldest first; asked only to find an XA transaction that was prepared before `from`. */
  readonly files: () => Promise<readonly string[]>
  /** lower_case_table_names is not 0. */
  readonly lowerCaseNames: boolean
  /** Whether transactions of that origin are left out. Default: none. */
  readonly skips?: ((origin: string) => boolean) | undefined
  /** Bytes of one transaction that are held. Default 16 MB. */
  readonly heldBytesMax?: number
}

/** The transaction that is being told. */
interface Telling<Row> {
  /** What it is told as: for XA, the one that commits it. */
  readonly as: Transaction<Row>
  /** The one with the rows. */
  readonly of: Transaction<Row>
  /** How many of `of.items` are told. */
  at: number
}

/** Where the first event of a file begins. */
const FILE_START = 4

export class MysqlLog<Row> implements ChangeLog<Row> {
  readonly #options: MysqlLogOptions<Row>
  readonly #readers: TableReaders<Row>
  readonly #pages: PageBuilder<Row>
  readonly #prepared = new PreparedTransactions<Row>()
  #followed!: StatementFollower<Row>
  #stream: EventStream | undefined
  #reader!: TransactionReader<Row>
  #telling: Telling<Row> | undefined
  /** Of the first transaction, how many changes were given before. */
  #skip: number
  /** The place that the pages know; undefined until it is certain that all before it is executed. */
  #passed: FilePlace | undefined
  #closed = false
  /** What the rows of the event being decoded are told under. */
  #source: ChangeSource = { connector: 'mysql', database: '', table: '', position: '', timestampMs: 0, snapshot: false }
  #table!: TableReader<Row>

  constructor(options: MysqlLogOptions<Row>) {
    const { from, server, wanted, readers } = options
    this.#options = options
    this.#readers = readers
    const executed = from.gtids === undefined ? undefined : parseGtids(from.gtids, server.mariadb)
    this.#pages = new PageBuilder(from, server.id, wanted, executed)
    this.#skip = from.rows
    if (from.rows > 0 && from.wanted !== wanted)
      throw sourceFailed(
        'the checkpoint is inside of a transaction, and the source reads other tables, or skips other origins, now: run once more with the former options until a later checkpoint, or begin with --fresh',
      )
  }

  async read(maxRecords: number): Promise<LogPage<Row>> {
    if (this.#stream === undefined) await this.#start()
    while (!this.#pages.isFull(maxRecords)) {
      if (this.#telling === undefined) {
        const transaction = this.#reader.next()
        if (transaction === undefined) {
          await this.#reachEnd()
          break
        }
        if (transaction.fate.kind === 'committed' && transaction.items !== undefined)
          this.#begin(transaction, transaction)
        else await this.#resolve(transaction)
      } else {
        const item = this.#nextItem(this.#telling)
        if (item === undefined) break
        if (item === 'end') await this.#finish(this.#telling, maxRecords)
        else if (item.table?.reader !== undefined) this.#tellRows(this.#telling, item, item.table.reader)
        else await this.#tellOther(this.#telling, item)
      }
    }
    return this.#pages.page(maxRecords)
  }

  async available(): Promise<void> {
    const isHeld = this.#telling?.of.items !== undefined
    if (this.#closed || isHeld || this.#pages.isReady || this.#stream === undefined) return
    await this.#stream.available()
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#stream?.close()
  }

  async #start(): Promise<void> {
    const { from, currentPlace, tables, server } = this.#options
    this.#followed = new StatementFollower({
      readers: this.#readers,
      altered: from.altered,
      tables: await tables(),
      currentPlace,
      truncated: ({ database, name }, schema, replaced) => {
        const source = { ...this.#source, database, table: name }
        const change: Change<Row> = { op: 't', before: null, after: null, key: [], source }
        if (replaced) this.#pages.pushReplacing(change, schema)
        else this.#pages.push(change, schema)
      },
    })
    await this.#open(from)
    // Opened by GTIDs, the log begins at a place before transactions that are executed: only behind the first one it is known.
    if (from.file !== '' && (from.server === server.id || from.server === '')) this.#passed = from
  }

  async #open(at: MysqlOffset): Promise<void> {
    await this.#stream?.close()
    this.#stream = await this.#options.open(at)
    this.#readOn(this.#options.heldBytesMax)
  }

  /** Reads transactions from where the stream is; `back`: before the place that everything is told up to. */
  #readOn(heldBytesMax: number | undefined, back = false): void {
    const { lowerCaseNames, skips } = this.#options
    const stream = this.#stream as EventStream
    const onExecuted = (gtids: Gtids): void => {
      if (!back) this.#pages.learn(gtids)
    }
    const readers = this.#readers
    this.#reader = new TransactionReader({ stream, readers, lowerCaseNames, heldBytesMax, skips, onExecuted })
  }

  #placeOf({ file, pos }: FilePlace): MysqlOffset {
    return { server: this.#options.server.id, file, pos, rows: 0 }
  }

  #endOf(end: FilePlace): TransactionEnd {
    const stream = this.#stream as EventStream
    return { end, created: stream.file === end.file ? stream.created : 0, altered: this.#followed.altered }
  }

  /** Has the transaction told whose rows `of` holds. */
  #begin(as: Transaction<Row>, of: Transaction<Row>): void {
    if (this.#pages.isExecuted(as.gtid) || of.items?.length === 0) return this.#pass(as)
    this.#pages.begin({ begin: as.begin, gtid: as.gtid, skip: this.#takeSkip(as) })
    this.#telling = { as, of, at: 0 }
  }

  #pass(transaction: Transaction<Row>): void {
    if (!this.#pages.isExecuted(transaction.gtid) && this.#takeSkip(transaction) > 0)
      throw sourceFailed(
        `the transaction at ${placeText(transaction.begin)} changes no captured table, and some of its changes were given before`,
      )
    this.#passed = transaction.end
    this.#pages.pass(this.#endOf(transaction.end), transaction.gtid)
  }

  /** How many changes of this transaction were given before the log was opened. */
  #takeSkip({ begin, gtid }: Transaction<Row>): number {
    const skip = this.#skip
    const { from, server } = this.#options
    this.#skip = 0
    if (skip === 0) return 0
    const same =
      from.server === server.id
        ? begin.file === from.file && begin.pos === from.pos
        : gtid !== undefined && gtid === from.gtid
    if (!same)
      throw sourceFailed(
        `the log was left inside of transaction ${from.gtid ?? placeText(from)} and goes on with ${gtid ?? placeText(begin)}: the server logs transactions in another order than the one before`,
      )
    return skip
  }

  /** What is not a plain transaction: one of XA, or one that is read again because it is too large to hold. */
  async #resolve(transaction: Transaction<Row>): Promise<void> {
    const { fate } = transaction
    if (fate.kind === 'prepared') this.#prepared.add(fate.xid, transaction)
    if (fate.kind === 'prepared' || this.#pages.isExecuted(transaction.gtid)) return this.#pass(transaction)
    if (fate.kind === 'committed') {
      this.#begin(transaction, transaction)
      return this.#readAgain(transaction)
    }
    const prepared = fate.commit
      ? (this.#prepared.get(fate.xid) ?? (await this.#find(fate.xid, transaction)))
      : undefined
    this.#prepared.remove(fate.xid)
    if (prepared === undefined) return this.#pass(transaction)
    this.#begin(transaction, prepared)
    if (prepared.items === undefined) await this.#readAgain(prepared)
  }

  async #readAgain({ begin }: Transaction<Row>): Promise<void> {
    await this.#open(this.#placeOf(begin))
    this.#readOn(Number.POSITIVE_INFINITY)
  }

  /** The XA transaction that this one commits: it was prepared before the log was opened. */
  async #find(xid: string, by: Transaction<Row>): Promise<Transaction<Row>> {
    const files = await this.#options.files()
    for (let index = files.lastIndexOf(by.begin.file); index >= 0; index--) {
      // What else is prepared there is likely to be committed next.
      for (const [other, prepared] of await this.#preparedIn(files[index] as string, by.begin))
        if (this.#prepared.get(other) === undefined) this.#prepared.add(other, prepared)
      const found = this.#prepared.get(xid)
      if (found === undefined) continue
      if (found.items !== undefined) await this.#open(this.#placeOf(by.end))
      return found
    }
    throw gone(
      this.#placeOf(by.begin),
      'the XA transaction that is committed there was prepared in a part of the log that is gone',
    )
  }

  /** The XA transactions that are prepared in a file before the place, and not resolved there. */
  async #preparedIn(file: string, before: FilePlace): Promise<ReadonlyMap<string, Transaction<Row>>> {
    await this.#open(this.#placeOf({ file, pos: FILE_START }))
    this.#readOn(this.#options.heldBytesMax, true)
    const prepared = new Map<string, Transaction<Row>>()
    for (;;) {
      const transaction = this.#reader.next()
      if (transaction === undefined) {
        if ((this.#reader.place?.file ?? file) !== file) return prepared
        await this.#stream?.available()
        continue
      }
      const { begin, fate } = transaction
      if (begin.file !== file || (file === before.file && begin.pos >= before.pos)) return prepared
      // There may be any number of them: their rows are read again when they are committed.
      const isEmpty = transaction.items?.length === 0
      if (fate.kind === 'prepared') prepared.set(fate.xid, isEmpty ? transaction : { ...transaction, items: undefined })
      if (fate.kind === 'resolves') prepared.delete(fate.xid)
    }
  }

  #nextItem(telling: Telling<Row>): LoggedItem<Row> | 'end' | undefined {
    const { items, undone } = telling.of
    if (items === undefined) return this.#reader.nextItem(undone)
    return items[telling.at++] ?? 'end'
  }

  async #finish({ as, of }: Telling<Row>, maxRecords: number): Promise<void> {
    this.#telling = undefined
    this.#passed = as.end
    this.#pages.end(this.#endOf(as.end), maxRecords)
    if (of.items !== undefined) return
    // Behind one that was too large to hold the stream goes on; behind one that was prepared earlier it does not.
    if (of === as) this.#readOn(this.#options.heldBytesMax)
    else await this.#open(this.#placeOf(as.end))
  }

  #tellRows({ as, of }: Telling<Row>, { event, pos, table }: LoggedItem<Row>, reader: TableReader<Row>): void {
    // What was prepared earlier is committed with the XA COMMIT: behind all that is before that one.
    const where = of === as ? `${of.begin.file}:${pos}` : placeText(as.end)
    this.#source = sourceOf(as, table?.database ?? '', table?.name ?? '', where)
    this.#table = reader
    reader.decoder.decode(event, this.#onRow)
  }

  readonly #onRow = (before: MysqlValue[] | null, after: MysqlValue[] | null): void => {
    const { shape, schema } = this.#table
    const source = this.#source
    if (before === null) {
      const values = after as MysqlValue[]
      this.#pages.push({ op: 'c', before: null, after: shape.row(values), key: shape.key(values), source }, schema)
    } else if (after === null)
      this.#pages.push({ op: 'd', before: shape.row(before), after: null, key: shape.key(before), source }, schema)
    else {
      const oldKey = shape.key(before)
      const key = shape.key(after)
      const change: Change<Row> = { op: 'u', before: shape.row(before), after: shape.row(after), key, source }
      this.#pages.push(sameKey(key, oldKey) ? change : { ...change, oldKey }, schema)
    }
  }

  /** A statement, or the first rows under a map. */
  async #tellOther(telling: Telling<Row>, item: LoggedItem<Row>): Promise<void> {
    const { table, statement, pos } = item
    const where = `${telling.of.begin.file}:${pos}`
    if (table !== undefined) {
      const reader = await this.#readers.load(table, this.#followed.renamesOf(table.title))
      this.#followed.told(table.title)
      this.#tellRows(telling, item, reader)
    } else if (statement !== undefined) {
      this.#source = sourceOf(telling.as, '', '', where)
      await this.#followed.follow(statement, where, telling.as.committedMs)
    }
  }

  /** Everything that is there was told. */
  async #reachEnd(): Promise<void> {
    const { place } = this.#reader
    if (this.#passed !== undefined && place !== undefined && place !== this.#passed) {
      this.#passed = place
      this.#pages.pass(this.#endOf(place), undefined)
    }
    if (this.#followed.altered === undefined) return
    const { file, pos } = this.#pages.place
    for (const { table, schema } of await this.#followed.settle(this.#pages.place)) {
      const source = { ...this.#source, database: table.database, table: table.name, position: `${file}:${pos}` }
      this.#pages.pushBetween(schemaChange(schema, source), schema, this.#followed.altered)
    }
  }
}

function sourceOf<Row>(
  { committedMs, gtid }: Transaction<Row>,
  database: string,
  table: string,
  position: string,
): ChangeSource {
  const source = { connector: 'mysql', database, table, position, timestampMs: committedMs, snapshot: false }
  return gtid === undefined ? source : { ...source, transaction: gtid }
}

function placeText({ file, pos }: FilePlace): string {
  return `${file}:${pos}`
}

function sameKey(a: readonly unknown[], b: readonly unknown[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
