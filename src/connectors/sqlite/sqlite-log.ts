// SqliteLog: reads the change log from an entry on.
//
// Owns: its position in the log, and the wait between polls.
//
// I1. One page is read in one read transaction, `stopWhen` included: what it says is true of exactly the log read.
// I2. A schema that other programs changed is followed before the next page is read.

import { MillraceError } from '../../errors.ts'
import type { Change, ChangeOp, TableSchema } from '../../record/change.ts'
import { present } from '../../util/assert.ts'
import type { Clock } from '../../util/clock.ts'
import { deferred } from '../../util/deferred.ts'
import { type ChangeLog, type LogPage, PageSize } from '../cdc/index.ts'
import type { Capture, CaptureRecord } from './capture.ts'
import { CAPTURES_TABLE, dataTable, LOG_TABLE } from './capture-sql.ts'
import type { SqliteDatabase } from './database.ts'
import type { SqliteSourceSettings } from './options.ts'
import type { PageReader } from './page-reader.ts'
import { quoteName } from './quote.ts'
import type { RowShape } from './row-shape.ts'
import type { SqliteValue } from './value.ts'

export interface SqliteLogOptions<Row> {
  readonly database: SqliteDatabase
  readonly capture: Capture
  readonly pages: PageReader
  readonly settings: SqliteSourceSettings
  readonly clock: Clock
  readonly shapeOf: (capture: CaptureRecord) => RowShape<Row>
  readonly from: number
  /** Give this table's changes only. */
  readonly table: string | undefined
}

interface Entry {
  readonly seq: number
  readonly capture: CaptureRecord
  readonly op: ChangeOp
  readonly timestampMs: number
}

export class SqliteLog<Row> implements ChangeLog<Row> {
  readonly #options: SqliteLogOptions<Row>
  readonly #size = new PageSize()
  #position: number
  #wake = deferred()
  #closed = false

  constructor(options: SqliteLogOptions<Row>) {
    this.#options = options
    this.#position = options.from
  }

  read(maxRecords: number): LogPage<Row> {
    this.#options.capture.follow(this.#options.settings.isWanted)
    return this.#options.database.transaction('DEFERRED', () => this.#readPage(this.#size.next(maxRecords)))
  }

  async available(): Promise<void> {
    if (this.#closed) return
    const cancel = this.#options.clock.schedule(this.#options.settings.pollMs, this.#wake.resolve)
    await this.#wake.promise
    cancel()
    if (!this.#closed) this.#wake = deferred()
  }

  close(): void {
    this.#closed = true
    this.#wake.resolve()
  }

  #readPage(limit: number): LogPage<Row> {
    this.#checkTrimmed()
    const entries = this.#readEntries(limit).map(([seq, capture, op, at]): Entry => {
      const record = this.#options.capture.byId(Number(capture))
      return { seq: Number(seq), capture: record, op: op as ChangeOp, timestampMs: Number(at) }
    })
    const ended = entries.length < limit && this.#isStopped()
    // An incomplete page covers the log to its end, whatever other tables' entries stand there.
    const lastEntry = entries.length < limit ? this.#options.capture.position() : entries.at(-1)?.seq
    const last = Math.max(this.#position, lastEntry ?? 0)
    const page = this.#toPage(entries, last, ended)
    this.#position = last
    return page
  }

  #readEntries(limit: number): unknown[][] {
    const { database, table } = this.#options
    const select = `SELECT seq, capture, op, at FROM ${LOG_TABLE} WHERE seq > ?`
    const only = table === undefined ? '' : ` AND capture IN (SELECT id FROM ${CAPTURES_TABLE} WHERE tbl = ?)`
    const parameters = [BigInt(this.#position), ...(table === undefined ? [] : [table]), BigInt(limit)]
    return database.all(`${select}${only} ORDER BY seq LIMIT ?`, parameters)
  }

  #checkTrimmed(): void {
    const trimmedTo = this.#options.capture.trimmedTo()
    if (this.#position >= trimmedTo) return
    const reason = `the change log in ${this.#options.settings.file} is kept from entry ${trimmedTo + 1} on, and entry ${this.#position + 1} is needed: raise retainLogRows, and start with --fresh to read the tables again`
    throw new MillraceError('SOURCE_FAILED', { node: '?', reason })
  }

  #isStopped(): boolean {
    const { stopWhen } = this.#options.settings
    if (stopWhen === undefined) return false
    const value = this.#options.database.first(stopWhen)?.[0]
    return value !== undefined && value !== null && value !== 0n && value !== 0 && value !== ''
  }

  #toPage(entries: readonly Entry[], last: number, ended: boolean): LogPage<Row> {
    const { isWanted } = this.#options.settings
    const wanted = entries.filter((entry) => isWanted(entry.capture.table))
    const data = this.#readData(wanted, last)
    const changes: Change<Row>[] = []
    const offsets: number[] = []
    const schemas: TableSchema[] = []
    for (const entry of wanted) {
      changes.push(this.#toChange(entry, data))
      offsets.push(entry.seq)
      schemas.push(entry.capture.schema)
    }
    return { changes, offsets, schemas, next: last, ended }
  }

  /** The logged rows of the page by entry, read capture by capture. */
  #readData(entries: readonly Entry[], last: number): Map<number, SqliteValue[]> {
    const data = new Map<number, SqliteValue[]>()
    const captures = new Map(
      entries.filter(({ op }) => op !== 's' && op !== 't').map(({ capture }) => [capture.id, capture]),
    )
    for (const capture of captures.values()) {
      const { width } = this.#options.shapeOf(capture)
      const columns = [
        'seq',
        ...Array.from({ length: width }, (_, i) => `b${i}`),
        ...Array.from({ length: width }, (_, i) => `a${i}`),
      ]
      const from = `FROM ${quoteName(dataTable(capture.id))} WHERE seq > ? AND seq <= ? ORDER BY seq`
      const parameters = [BigInt(this.#position), BigInt(last)]
      const rows = this.#options.pages.read({ columns, from, parameters }, capture.table)
      this.#size.saw(rows)
      for (const row of rows) data.set(Number(row[0]), row)
    }
    return data
  }

  #toChange(entry: Entry, data: ReadonlyMap<number, SqliteValue[]>): Change<Row> {
    const { capture, op, seq, timestampMs } = entry
    const database = this.#options.settings.file
    const source = {
      connector: 'sqlite',
      database,
      table: capture.table,
      position: String(seq),
      timestampMs,
      snapshot: false,
    }
    if (op === 's') return { op, before: null, after: null, key: [], schema: capture.schema, source }
    if (op === 't') return { op, before: null, after: null, key: [], source }
    const shape = this.#options.shapeOf(capture)
    const values = present(data.get(seq), `row of log entry ${seq}`)
    const was = op === 'c' ? undefined : values.slice(1, 1 + shape.width)
    const is = op === 'd' ? undefined : values.slice(1 + shape.width)
    const key = shape.key(is ?? was ?? [])
    const oldKey = op === 'u' ? shape.key(was ?? []) : key
    return {
      op,
      before: was === undefined ? null : shape.row(was),
      after: is === undefined ? null : shape.row(is),
      key,
      ...(sameKey(key, oldKey) ? {} : { oldKey }),
      source,
    }
  }
}

function sameKey(a: readonly SqliteValue[], b: readonly SqliteValue[]): boolean {
  return a.every((value, index) => sameValue(value, b[index] as SqliteValue))
}

function sameValue(a: SqliteValue, b: SqliteValue): boolean {
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return Object.is(a, b)
  return 'invalidUtf8' in a && 'invalidUtf8' in b && Buffer.compare(a.invalidUtf8, b.invalidUtf8) === 0
}
