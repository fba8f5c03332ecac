// SnapshotReader: gives out chunks of tables with a key, page by page, each chunk in one consistent view.
//
// Owns: two sessions for views, the view that is open and the one of the next chunk, rows that were read and not given.
// Does not own: which chunks there are; the place of the source in the log.
//
// I1. A view serves one chunk, and is opened after the chunk was asked for: never before the place that the chunk is `since`.
// I2. A view does not outlive its chunk, nor VIEW_IDLE_MS without a page being asked for: the server keeps old versions of rows meanwhile.

import type { Change, ChangeSource as Origin } from '../../record/change.ts'
import type { Clock } from '../../util/clock.ts'
import { type ChunkRead, type KeyBound, type KeyRange, PageSize } from '../cdc/index.ts'
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
  readonly session: MysqlConnection
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
  /** Without a view. */
  #idleSessions: MysqlConnection[] = []
  #chunk: OpenChunk<Row> | undefined
  /** The next chunk on its way; its first page is read while the rows of this one are worked on. */
  #ahead:
    | { readonly name: string; readonly range: KeyRange; readonly chunk: Promise<OpenChunk<Row> | undefined> }
    | undefined
  #closed = false
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

  /** Begins with a chunk that will be read next, if none is begun yet. Why it failed is told when it is read. */
  prepare(name: string, range: KeyRange): void {
    if (this.#ahead !== undefined) return
    const ahead = { name, range, chunk: this.#openAndFetch(name, range) }
    this.#ahead = ahead
    ahead.chunk.catch(() => {})
    this.#clock.schedule(VIEW_IDLE_MS, () => {
      if (this.#ahead === ahead) this.#dropAhead()
    })
  }

  close(): void {
    this.#closed = true
    this.#leave()
    this.#dropAhead()
    for (const session of this.#idleSessions) session.close()
  }

  /** The chunk that is being read, or the beginning of another. */
  async #chunkOf(name: string, range: KeyRange): Promise<OpenChunk<Row> | undefined> {
    const open = this.#chunk
    if (open?.name === name && sameBound(open.next, range.from) && sameBound(open.to, range.to)) return open
    this.#leave()
    const ahead = this.#ahead
    if (ahead?.name === name && sameBound(ahead.range.from, range.from) && sameBound(ahead.range.to, range.to)) {
      this.#ahead = undefined
      this.#chunk = await ahead.chunk
    } else {
      this.#dropAhead()
      this.#chunk = await this.#open(name, range)
    }
    return this.#chunk
  }

  async #openAndFetch(name: string, range: KeyRange): Promise<OpenChunk<Row> | undefined> {
    const chunk = await this.#open(name, range)
    try {
      if (chunk !== undefined) await this.#fetch(chunk)
    } catch (error) {
      chunk?.session.close()
      throw error
    }
    return chunk
  }

  async #open(name: string, range: KeyRange): Promise<OpenChunk<Row> | undefined> {
    const session = await this.#takeSession()
    try {
      const opened = await this.#views.open(name, session, false)
      if (opened === undefined) {
        this.#idleSessions.push(session)
        return undefined
      }
      const isExact = opened.known.columns.every(hasExactBounds)
      const [from, to] = [range.from, range.to] as [MysqlBound | null, MysqlBound | null]
      return { ...opened, name, session, to, isExact, next: from, page: [], at: 0, hasMore: true }
    } catch (error) {
      session.close()
      throw error
    }
  }

  async #takeSession(): Promise<MysqlConnection> {
    const session = this.#idleSessions.pop()
    return session === undefined || session.lost !== undefined ? await this.#views.connect() : session
  }

  /** The next rows of the chunk, at most so many; what was read beyond them is kept for the next call. */
  async #page(chunk: OpenChunk<Row>, maxRecords: number): Promise<ChunkRead<Row>> {
    if (chunk.hasMore && chunk.page.length - chunk.at <= 1) await this.#fetch(chunk)
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
    const page = await chunk.session.query(`SELECT ${select.sql.join(', ')} ${range} LIMIT ${limit}`)
    chunk.page = page.map(select.values)
    chunk.at = 0
    // The last row of a full page is only where the next one begins.
    chunk.hasMore = page.length === limit
    pageSize.saw(chunk.page)
  }

  /** Where the rows begin that were not given; `count` rows behind where the last ones began. */
  #boundAt(chunk: OpenChunk<Row>, count: number): MysqlBound | Promise<MysqlBound | null> {
    const { known, session, page, at, next, to, isExact } = chunk
    const { table, columns } = known
    if (!isExact) return keyAfter(session, table, { from: next, to }, count)
    const row = page[at] as readonly MysqlValue[]
    const values = columns.map((column) => row[table.columns.indexOf(column)] as MysqlValue)
    return boundOf(table, columns, values)
  }

  #leave(): void {
    this.#cancelIdle?.()
    const chunk = this.#chunk
    this.#chunk = undefined
    if (chunk !== undefined) this.#release(chunk)
  }

  #dropAhead(): void {
    const ahead = this.#ahead
    this.#ahead = undefined
    ahead?.chunk.then(
      (chunk) => chunk && this.#release(chunk),
      () => {},
    )
  }

  /** Closes the view, without waiting for it: what is asked on the session next waits anyway. */
  #release({ view, session }: OpenChunk<Row>): void {
    if (this.#closed) return session.close()
    // A session that was lost has no view; whoever asks next on it hears of that.
    view.close().catch(() => {})
    this.#idleSessions.push(session)
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

function sameBound(a: KeyBound | null, b: KeyBound | null): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return a === b
  return a.length === b.length && a.every((part, at) => part === b[at])
}
