// SnapshotReader: gives out chunks of tables with a key, page by page, each chunk in one consistent view.
//
// Owns: a session for views, the view that is open, rows of its chunk that were read and not given.
// Does not own: which chunks there are; the place of the source in the log.
//
// I1. A view serves one chunk, and is opened after the chunk was asked for: never before the place that the chunk is `since`.
// I2. A view does not outlive its chunk, nor VIEW_IDLE_MS without a page being asked for: the server keeps old versions of rows meanwhile.

import type { Change, ChangeSource as Origin } from '../../record/change.ts'
import type { Clock } from '../../util/clock.ts'
import { type ChunkRead, type KeyRange, PageSize } from '../cdc/index.ts'
import { keyAfter } from './chunk-splitter.ts'
import type { MysqlTable, MysqlValue } from './column.ts'
import type { MysqlConnection } from './connection.ts'
import { boundOf, fromRange, hasExactBounds, type MysqlBound } from './key-bound.ts'
import type { MysqlOffset } from './offset.ts'
import type { RowShape } from './row-shape.ts'
import type { TableView, TableViews } from './table-views.ts'

const VIEW_IDLE_MS = 10_000

/** Read at once, where PageSize does not say less. */
const PAGE_ROWS_MAX = 8192

/** A view and the chunk that it serves. */
interface OpenChunk<Row> extends TableView<Row> {
  readonly name: string
  readonly to: MysqlBound | null
  /** A bound can be made of a row's values; else the server is asked. */
  readonly isExact: boolean
  /** Where the rows begin that are to be given next. */
  next: MysqlBound | null
  /** Rows that were read; those from `at` on were not given. */
  page: readonly (readonly MysqlValue[])[]
  at: number
  /** The page's last row is where the next page begins. */
  hasMore: boolean
}

export class SnapshotReader<Row> {
  readonly #views: TableViews<Row>
  readonly #clock: Clock
  readonly #pageSizes = new Map<string, PageSize>()
  #session: MysqlConnection | undefined
  #chunk: OpenChunk<Row> | undefined
  #cancelIdle: (() => void) | undefined

  constructor(views: TableViews<Row>, clock: Clock) {
    this.#views = views
    this.#clock = clock
  }

  /** Undefined if the table is gone. */
  async read(name: string, range: KeyRange, maxRecords: number): Promise<ChunkRead<Row> | undefined> {
    this.#cancelIdle?.()
    const chunk = await this.#chunkOf(name, range)
    if (chunk === undefined) return undefined
    const read = await this.#page(chunk, maxRecords)
    chunk.next = read.next as MysqlBound | null
    if (read.next === null) this.#leave()
    else this.#cancelIdle = this.#clock.schedule(VIEW_IDLE_MS, () => this.#leave())
    return read
  }

  close(): void {
    this.#cancelIdle?.()
    this.#chunk = undefined
    this.#session?.close()
  }

  /** The chunk that is being read, or the beginning of another. */
  async #chunkOf(name: string, range: KeyRange): Promise<OpenChunk<Row> | undefined> {
    const open = this.#chunk
    const [from, to] = [range.from, range.to] as [MysqlBound | null, MysqlBound | null]
    if (open?.name === name && sameBound(open.next, from) && sameBound(open.to, to)) return open
    this.#leave()
    if (this.#session === undefined || this.#session.lost !== undefined) this.#session = await this.#views.connect()
    const opened = await this.#views.open(name, this.#session, false)
    if (opened === undefined) return undefined
    const isExact = opened.known.columns.every(hasExactBounds)
    this.#chunk = { ...opened, name, to, isExact, next: from, page: [], at: 0, hasMore: true }
    return this.#chunk
  }

  /** The next rows of the chunk, at most so many; what was read beyond them is kept for the next call. */
  async #page(chunk: OpenChunk<Row>, maxRecords: number): Promise<ChunkRead<Row>> {
    if (chunk.page.length - chunk.at <= 1) await this.#fetch(chunk)
    const left = chunk.page.length - chunk.at
    const count = Math.min(maxRecords, chunk.hasMore ? left - 1 : left)
    const values = chunk.page.slice(chunk.at, chunk.at + count)
    chunk.at += count
    const { low, high } = chunk.view
    const next = chunk.at < chunk.page.length ? await this.#boundAt(chunk, count) : null
    return readOf(values, chunk.known, { low, high, next })
  }

  async #fetch(chunk: OpenChunk<Row>): Promise<void> {
    const { table, select } = chunk.known
    const pageSize = this.#pageSizes.get(chunk.name) ?? new PageSize()
    this.#pageSizes.set(chunk.name, pageSize)
    const limit = 1 + pageSize.next(PAGE_ROWS_MAX)
    const range = fromRange(table, chunk.next, chunk.to)
    const session = this.#session as MysqlConnection
    const page = await session.query(`SELECT ${select.sql.join(', ')} ${range} LIMIT ${limit}`)
    chunk.page = page.map(select.values)
    chunk.at = 0
    // The last row of a full page is only where the next one begins.
    chunk.hasMore = page.length === limit
    pageSize.saw(chunk.page)
  }

  /** Where the rows begin that were not given; `count` rows behind where the last ones began. */
  #boundAt(chunk: OpenChunk<Row>, count: number): MysqlBound | Promise<MysqlBound | null> {
    const { known, page, at, next, to, isExact } = chunk
    const { table, columns } = known
    if (!isExact) return keyAfter(this.#session as MysqlConnection, table, { from: next, to }, count)
    const row = page[at] as readonly MysqlValue[]
    const values = columns.map((column) => row[table.columns.indexOf(column)] as MysqlValue)
    return boundOf(table, columns, values)
  }

  /** Closes the view, without waiting for it: what is asked on the session next waits anyway. */
  #leave(): void {
    this.#cancelIdle?.()
    const chunk = this.#chunk
    this.#chunk = undefined
    // A session that was lost has no view; whoever asks next on it hears of that.
    chunk?.view.close().catch(() => {})
  }
}

/** Where rows were read, and where to go on. */
export interface ReadPlaces {
  readonly low: MysqlOffset
  readonly high: MysqlOffset
  readonly next: MysqlBound | null
}

/** Values of rows as a port gives them. */
export function readOf<Row>(
  values: readonly (readonly MysqlValue[])[],
  { table, shape }: { readonly table: MysqlTable; readonly shape: RowShape<Row> },
  places: ReadPlaces,
): ChunkRead<Row> {
  const source = snapshotOrigin(table.database, table.name, places.high)
  const rows = values.map((row): Change<Row> => {
    return { op: 'r', before: null, after: shape.row(row), key: shape.key(row), source }
  })
  return { rows, ...places, schema: shape.schema, source }
}

/** Where rows of a snapshot are from. */
export function snapshotOrigin(database: string, table: string, { file, pos }: MysqlOffset): Origin {
  return { connector: 'mysql', database, table, position: `${file}:${pos}`, timestampMs: 0, snapshot: true }
}

function sameBound(a: MysqlBound | null, b: MysqlBound | null): boolean {
  return a === b || (a !== null && b !== null && a.length === b.length && a.every((part, at) => part === b[at]))
}
