// TransactionReader: cuts the log into transactions, with what each did to wanted tables once it is known that it was committed.
//
// Owns: the transaction that is being read, and its savepoints.
// Does not own: what tables look like, and what rows hold: rows are decoded when they are told.
//
// I1. A transaction is given when its end was read: rows that were rolled back are in the log of MariaDB, and of MySQL where tables
//     without transactions take part.
// I2. At most heldBytesMax bytes of a transaction are held. Of a longer one only what was rolled back is kept: it is read again, item by item.
// I3. A transaction that the log breaks off (the server died while it wrote it) never happened.

import type { Statement } from './ddl.ts'
import { readStatement } from './ddl.ts'
import { beginsTransaction, readExecuted, readTransactionHead, type TransactionHead } from './gtid-event.ts'
import type { Gtids } from './gtid-set.ts'
import { EventType, isRows, type LogEvent, tableIdOf } from './log/event.ts'
import { originOfStatement } from './origin.ts'
import { isBegin, isCommit, type LoggedQuery, readQuery } from './query-event.ts'
import { sourceFailed } from './server.ts'
import type { MappedTable, TableReaders } from './table-readers.ts'

/** A binary log under way, as BinlogStream gives it. */
export interface EventStream {
  /** The file of the event that take() gave last, and where it begins there. */
  readonly file: string
  readonly pos: number
  /** When the file was begun. */
  readonly created: number
  take(): LogEvent | undefined
  available(): Promise<void>
  close(): Promise<void>
}

/** A place in the files of one server. */
export interface FilePlace {
  readonly file: string
  readonly pos: number
}

/** Rows of a wanted table, or a statement about one. */
export interface LoggedItem<Row> {
  readonly event: LogEvent
  /** Where it begins. */
  readonly pos: number
  readonly table: MappedTable<Row> | undefined
  readonly statement: Statement | undefined
}

/** Items from `from` on, before `to`, that were rolled back. */
type Undone = readonly [from: number, to: number]

/** What became of a transaction. */
export type Fate =
  | { readonly kind: 'committed' }
  /** XA PREPARE: it is committed or rolled back by another one. */
  | { readonly kind: 'prepared'; readonly xid: string }
  /** XA COMMIT, XA ROLLBACK of one that was prepared before. */
  | { readonly kind: 'resolves'; readonly xid: string; readonly commit: boolean }

export interface Transaction<Row> {
  readonly begin: FilePlace
  readonly end: FilePlace
  readonly gtid: string | undefined
  readonly committedMs: number
  readonly fate: Fate
  /** Undefined if they were too many bytes to hold. */
  readonly items: readonly LoggedItem<Row>[] | undefined
  /** Where items were not held: those to leave out when they are read again. */
  readonly undone: readonly Undone[]
  readonly bytes: number
}

/** Bytes of one transaction that are held. */
const HELD_BYTES_MAX = 16 << 20

interface OpenTransaction<Row> {
  readonly begin: FilePlace
  readonly head: TransactionHead
  /** It ends with a COMMIT or the like, not with its first statement. */
  explicit: boolean
  items: LoggedItem<Row>[] | undefined
  count: number
  bytes: number
  /** It is of an origin to be left out: nothing of it is told. */
  skipped: boolean
  savepoints: { readonly name: string; readonly count: number }[]
  undone: Undone[]
}

const COMMITTED: Fate = { kind: 'committed' }
const ROLLBACK_TO = /^ROLLBACK\s+(?:WORK\s+)?TO\s+(?:SAVEPOINT\s+)?[`"]?(.*?)[`"]?$/is
const SAVEPOINT = /^SAVEPOINT\s+[`"]?(.*?)[`"]?$/is
const XA = /^XA\s+(START|BEGIN|END|COMMIT|ROLLBACK)\s+X'([0-9a-f]*)',X'([0-9a-f]*)',(\d+)/i

export interface TransactionReaderOptions<Row> {
  readonly stream: EventStream
  readonly readers: TableReaders<Row>
  readonly lowerCaseNames: boolean
  readonly heldBytesMax?: number | undefined
  /** Whether transactions of that origin are left out. Default: none. */
  readonly skips?: ((origin: string) => boolean) | undefined
  /** Told what was executed before a file, where the file begins. */
  readonly onExecuted: (gtids: Gtids) => void
}

export class TransactionReader<Row> {
  readonly #stream: EventStream
  readonly #readers: TableReaders<Row>
  readonly #lowerCaseNames: boolean
  readonly #heldBytesMax: number
  readonly #skips: (origin: string) => boolean
  readonly #onExecuted: (gtids: Gtids) => void
  #open: OpenTransaction<Row> | undefined
  #place: FilePlace | undefined

  constructor({ stream, readers, lowerCaseNames, heldBytesMax, skips, onExecuted }: TransactionReaderOptions<Row>) {
    this.#stream = stream
    this.#readers = readers
    this.#lowerCaseNames = lowerCaseNames
    this.#heldBytesMax = heldBytesMax ?? HELD_BYTES_MAX
    this.#skips = skips ?? (() => false)
    this.#onExecuted = onExecuted
  }

  /** Up to where everything was given; undefined before anything was read. */
  get place(): FilePlace | undefined {
    return this.#place
  }

  /** The next transaction; undefined when it is not there yet to its end. */
  next(): Transaction<Row> | undefined {
    for (let event = this.#stream.take(); event !== undefined; event = this.#stream.take()) {
      const transaction = this.#read(event)
      if (transaction !== undefined) return transaction
      if (this.#open === undefined) this.#move(event)
    }
    return undefined
  }

  /** The next item of a transaction that was given without them, on a stream opened where it begins; 'end' behind the last one. */
  nextItem(undone: readonly Undone[]): LoggedItem<Row> | 'end' | undefined {
    for (let event = this.#stream.take(); event !== undefined; event = this.#stream.take()) {
      const transaction = this.#read(event)
      if (transaction !== undefined) return 'end'
      const item = this.#open?.items?.pop()
      if (this.#open === undefined || item === undefined) continue
      if (!isUndone(undone, this.#open.count - 1)) return item
    }
    return undefined
  }

  #read(event: LogEvent): Transaction<Row> | undefined {
    const { type } = event
    if (type === EventType.tableMap) this.#readers.map(event.body)
    else if (isRows(type)) this.#readRows(event)
    else if (beginsTransaction(type)) return this.#beginNext(readTransactionHead(event))
    else if (type === EventType.xid) return this.#end(COMMITTED, event)
    else if (type === EventType.query || type === EventType.queryCompressed || type === EventType.executeLoadQuery)
      return this.#readQuery(event)
    else if (type === EventType.xaPrepare) return this.#readPrepare(event)
    else if (type === EventType.rotate || type === EventType.formatDescription || type === EventType.stop)
      this.#open = undefined
    else if (type === EventType.previousGtids || type === EventType.mariadbGtidList) this.#readExecuted(event)
    else if (type === EventType.incident) throw this.#incident(event)
    else if (!PASSED.has(type) && (event.flags & IGNORABLE) === 0) throw this.#unknown(event)
    return undefined
  }

  #readExecuted(event: LogEvent): void {
    const gtids = readExecuted(event)
    if (gtids !== undefined) this.#onExecuted(gtids)
  }

  /** MariaDB logs some statements (ALTER SEQUENCE) as transactions that do not stand alone, and never ends them: the next one does. */
  #beginNext(head: TransactionHead): Transaction<Row> | undefined {
    const { file, pos } = this.#stream
    const open = this.#open
    if (open?.items?.some(({ table }) => table !== undefined) ?? open !== undefined)
      throw sourceFailed(`a transaction begins at ${file}:${pos} before the one at ${open?.begin.pos} ended`)
    const ended = open === undefined ? undefined : this.#ended(open, COMMITTED, { file, pos }, 0)
    this.#begin(head)
    return ended
  }

  #begin(head: TransactionHead): void {
    const { file, pos } = this.#stream
    this.#readers.trim()
    this.#open = {
      begin: { file, pos },
      head,
      explicit: head.standalone === false,
      items: [],
      count: 0,
      bytes: 0,
      skipped: false,
      savepoints: [],
      undone: [],
    }
  }

  #readRows(event: LogEvent): void {
    const table = this.#readers.mapped(tableIdOf(event.body))
    if (table === undefined)
      throw sourceFailed(`rows at ${this.#stream.file}:${this.#stream.pos} are of a table that the log has not named`)
    if (table.origin !== undefined && this.#skips(table.origin)) this.#skip()
    else if (table.wanted) this.#add(event, table, undefined)
  }

  /** The mark stands before the rows that sinks write; behind them it counts as well. */
  #skip(): void {
    const open = this.#open
    if (open === undefined) return
    open.skipped = true
    open.items = []
  }

  #add(event: LogEvent, table: MappedTable<Row> | undefined, statement: Statement | undefined): void {
    const open = this.#open
    if (open === undefined)
      throw sourceFailed(
        `rows at ${this.#stream.file}:${this.#stream.pos} are outside of a transaction: is the place the beginning of one?`,
      )
    if (open.skipped) return
    open.count += 1
    open.bytes += event.size
    if (open.bytes > this.#heldBytesMax) open.items = undefined
    open.items?.push({ event, pos: this.#stream.pos, table, statement })
  }

  #readQuery(event: LogEvent): Transaction<Row> | undefined {
    if (this.#open === undefined) this.#begin({ gtid: undefined, committedMs: undefined, standalone: undefined })
    const open = this.#open as OpenTransaction<Row>
    if (isBegin(event)) {
      open.explicit = true
      return undefined
    }
    if (isCommit(event)) return this.#end(COMMITTED, event)
    const query = readQuery(event, this.#readers.charsets)
    const { sql } = query
    const xa = XA.exec(sql)
    if (xa !== null) return this.#readXa(xa, open, event)
    if (/^ROLLBACK\s*$/i.test(sql)) {
      this.#undo(0)
      return this.#end(COMMITTED, event)
    }
    const savepoint = SAVEPOINT.exec(sql)?.[1]
    const rollback = ROLLBACK_TO.exec(sql)?.[1]
    if (savepoint !== undefined) open.savepoints.push({ name: savepoint.toLowerCase(), count: open.count })
    else if (rollback !== undefined) this.#rollBackTo(rollback, open)
    else this.#readStatement(event, query)
    return open.explicit ? undefined : this.#end(COMMITTED, event)
  }

  #readXa(xa: RegExpExecArray, open: OpenTransaction<Row>, event: LogEvent): Transaction<Row> | undefined {
    const [, verb = '', global = '', branch = '', format = ''] = xa
    const what = verb.toUpperCase()
    if (what === 'START' || what === 'BEGIN') open.explicit = true
    if (what !== 'COMMIT' && what !== 'ROLLBACK') return undefined
    const xid = `${global.toLowerCase()}.${branch.toLowerCase()}.${format}`
    return this.#end({ kind: 'resolves', xid, commit: what === 'COMMIT' }, event)
  }

  /** one phase 1 · format 4 · length of the global part 4 · length of the branch 4 · both */
  #readPrepare(event: LogEvent): Transaction<Row> | undefined {
    const { body } = event
    if (body[0] !== 0) return this.#end(COMMITTED, event)
    const branch = 13 + body.readUInt32LE(5)
    const xid = `${body.toString('hex', 13, branch)}.${body.toString('hex', branch, branch + body.readUInt32LE(9))}.${body.readUInt32LE(1)}`
    return this.#end({ kind: 'prepared', xid }, event)
  }

  #rollBackTo(name: string, open: OpenTransaction<Row>): void {
    const at = open.savepoints.findLastIndex((savepoint) => savepoint.name === name.toLowerCase())
    const savepoint = open.savepoints[at]
    if (savepoint === undefined)
      throw sourceFailed(
        `ROLLBACK TO "${name}" at ${this.#stream.file}:${this.#stream.pos} names no savepoint of its transaction`,
      )
    open.savepoints.length = at + 1
    this.#undo(savepoint.count)
  }

  /** Items from this one on were rolled back. */
  #undo(from: number): void {
    const open = this.#open as OpenTransaction<Row>
    open.undone.push([from, open.count])
  }

  #readStatement(event: LogEvent, { sql, database, mode }: LoggedQuery): void {
    const statement = readStatement(sql, database, mode)
    const origin = statement.kind === 'truncate' ? originOfStatement(sql) : undefined
    if (statement.kind !== 'other' && (origin === undefined || !this.#skips(origin)))
      this.#add(event, undefined, this.#lowerCaseNames ? lowerCased(statement) : statement)
  }

  #end(fate: Fate, event: LogEvent): Transaction<Row> {
    const open = this.#open
    if (open === undefined)
      throw sourceFailed(`a transaction ends at ${this.#stream.file}:${this.#stream.pos} that did not begin`)
    this.#open = undefined
    this.#move(event)
    return this.#ended(open, fate, this.#place as FilePlace, event.timestampMs)
  }

  #ended(open: OpenTransaction<Row>, fate: Fate, end: FilePlace, timestampMs: number): Transaction<Row> {
    const { begin, head, bytes } = open
    return {
      begin,
      end,
      gtid: head.gtid,
      committedMs: head.committedMs ?? timestampMs,
      fate,
      items: done(open),
      undone: open.undone,
      bytes,
    }
  }

  /** The place is behind this event, which is outside of a transaction or its last one. */
  #move(event: LogEvent): void {
    const { file, pos } = this.#stream
    if (event.type === EventType.rotate)
      this.#place = { file: event.body.toString('utf8', 8), pos: Number(event.body.readBigUInt64LE(0)) }
    // Events made up for the dump are nowhere in the file. MariaDB leaves out annotations, so pos may lag; beyond 4 GB `end` is cut.
    else if (event.end !== 0) this.#place = { file, pos: Math.max(event.end, pos + event.size) }
  }

  #incident({ body }: LogEvent): Error {
    const message = body.toString('utf8', 3, 3 + (body[2] ?? 0))
    return sourceFailed(
      `the server lost changes at ${this.#stream.file}:${this.#stream.pos}: it logged an incident ("${message}"): take the snapshot again with --fresh`,
    )
  }

  #unknown({ type }: LogEvent): Error {
    return sourceFailed(
      `the event at ${this.#stream.file}:${this.#stream.pos} has type ${type}, which is not known and must not be ignored`,
    )
  }
}

/** The items that were not rolled back, as far as they are held. */
function done<Row>({ items, undone, count }: OpenTransaction<Row>): readonly LoggedItem<Row>[] | undefined {
  if (undone.length === 0) return items
  if (undone.some(([from, to]) => from === 0 && to === count)) return []
  return items?.filter((_, index) => !isUndone(undone, index))
}

function isUndone(undone: readonly Undone[], index: number): boolean {
  return undone.some(([from, to]) => index >= from && index < to)
}

const IGNORABLE = 0x80

/** Events that change no table. */
const PASSED: ReadonlySet<number> = new Set([
  EventType.intvar,
  EventType.rand,
  EventType.userVar,
  EventType.beginLoadQuery,
  EventType.appendBlock,
  EventType.deleteFile,
  EventType.heartbeat,
  EventType.heartbeatV2,
  EventType.ignorable,
  EventType.rowsQuery,
  EventType.transactionContext,
  EventType.viewChange,
  EventType.annotateRows,
  EventType.binlogCheckpoint,
  EventType.startEncryption,
])

/** The names as the server keeps them with lower_case_table_names. */
function lowerCased(statement: Statement): Statement {
  return JSON.parse(JSON.stringify(statement), (key, value: unknown) =>
    (key === 'database' || key === 'name') && typeof value === 'string' ? value.toLowerCase() : value,
  ) as Statement
}
