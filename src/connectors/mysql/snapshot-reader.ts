// SnapshotReader: gives out chunks of tables with a key, page by page, each chunk in one consistent view.
//
// Owns: a session for views, the view that is open, what is known of the table it reads.
// Does not own: which chunks there are; the place of the source in the log.
//
// I1. A view serves one chunk, and is opened after the chunk was asked for: never before the place that the chunk is `since`.
// I2. A view does not outlive its chunk, nor VIEW_IDLE_MS without a page being asked for: the server keeps old versions of rows meanwhile.
// I3. The table's columns are those of the view: the view has read the table before they are asked for, so no ALTER comes between.

import type { RuntimeContext } from '../../contract/runtime-context.ts'
import type { Change, ChangeSource as Origin } from '../../record/change.ts'
import { type ChunkRead, type KeyRange, PageSize } from '../cdc/index.ts'
import { type Catalogue, isMissingTable } from './catalogue.ts'
import { keyAfter } from './chunk-splitter.ts'
import { type MysqlColumn, type MysqlTable, type MysqlValue, splitTableName } from './column.ts'
import type { MysqlConnection } from './connection.ts'
import { boundOf, fromRange, hasExactBounds, keyColumns, type MysqlBound, qualifiedName } from './key-bound.ts'
import type { RowShape } from './row-shape.ts'
import { type SelectList, selectList } from './select-list.ts'
import { type ServerInfo, serverInfo, sourceFailed } from './server.ts'
import { SnapshotView, type ViewStep } from './snapshot-view.ts'
import { Throttle } from './throttle.ts'

const VIEW_IDLE_MS = 10_000

/** Read at once, where PageSize does not say less. */
const PAGE_ROWS_MAX = 8192

/** A view is opened again when the table is altered at that very moment. */
const ALTERED_MAX = 100

export interface SnapshotReaderOptions<Row> {
  readonly context: RuntimeContext
  readonly info: ServerInfo
  readonly catalogue: () => Catalogue
  readonly connect: () => Promise<MysqlConnection>
  readonly shapeOf: (table: MysqlTable, definition: string) => RowShape<Row>
  /** With the key that the options give it. */
  readonly keyed: (table: MysqlTable) => MysqlTable
  readonly rowsPerSecond: number | undefined
  readonly step: (step: ViewStep, table: string) => Promise<void>
}

interface KnownTable<Row> {
  readonly definition: string
  readonly table: MysqlTable
  readonly select: SelectList
  readonly shape: RowShape<Row>
  readonly pageSize: PageSize
  /** Of the key. */
  readonly columns: readonly MysqlColumn[]
  /** A bound can be made of a row's values; else the server is asked. */
  readonly isExact: boolean
}

/** A view and the chunk that it serves. */
interface OpenChunk<Row> {
  readonly name: string
  readonly to: MysqlBound | null
  readonly view: SnapshotView
  readonly known: KnownTable<Row>
  /** Where the rows begin that are to be given next. */
  next: MysqlBound | null
  /** Rows that were read; those from `at` on were not given. */
  page: readonly (readonly MysqlValue[])[]
  at: number
  /** The page's last row is where the next page begins. */
  hasMore: boolean
}

export class SnapshotReader<Row> {
  readonly #options: SnapshotReaderOptions<Row>
  readonly #throttle: Throttle
  readonly #known = new Map<string, KnownTable<Row>>()
  #session: MysqlConnection | undefined
  #chunk: OpenChunk<Row> | undefined
  #cancelIdle: (() => void) | undefined

  constructor(options: SnapshotReaderOptions<Row>) {
    this.#options = options
    const { clock, parallelism } = options.context
    const { rowsPerSecond } = options
    this.#throttle = new Throttle(clock, rowsPerSecond === undefined ? undefined : rowsPerSecond / parallelism)
  }

  /** Undefined if the table is gone. */
  async read(name: string, range: KeyRange, maxRecords: number): Promise<ChunkRead<Row> | undefined> {
    this.#cancelIdle?.()
    const limit = await this.#throttle.admit(maxRecords)
    const chunk = await this.#chunkOf(name, range)
    if (chunk === undefined) return undefined
    const read = await this.#page(chunk, limit)
    this.#throttle.took(read.rows.length)
    chunk.next = read.next as MysqlBound | null
    if (read.next === null) this.#leave()
    else this.#cancelIdle = this.#options.context.clock.schedule(VIEW_IDLE_MS, () => this.#leave())
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
    const to = range.to as MysqlBound | null
    if (open?.name === name && sameBound(open.next, range.from) && sameBound(open.to, to)) return open
    this.#leave()
    for (let attempt = 0; attempt < ALTERED_MAX; attempt++) {
      const entered = await this.#enter(name)
      if (entered === 'gone') return undefined
      if (entered === 'altered') continue
      this.#chunk = { name, to, next: range.from as MysqlBound | null, page: [], at: 0, hasMore: true, ...entered }
      return this.#chunk
    }
    throw sourceFailed(`table ${name} was altered at each of ${ALTERED_MAX} attempts to read it`)
  }

  async #enter(
    name: string,
  ): Promise<{ readonly view: SnapshotView; readonly known: KnownTable<Row> } | 'gone' | 'altered'> {
    const { info, connect, step } = this.#options
    const { database, table } = splitTableName(name)
    const session = await this.#viewSession()
    let view: SnapshotView | undefined
    try {
      view = await SnapshotView.open({
        session,
        info,
        connect,
        table: { database, name: table },
        exact: false,
        step: (at) => step(at, name),
      })
      // From here on the table cannot be altered until the view is closed.
      await session.query(`SELECT 1 FROM ${qualifiedName({ database, name: table })} LIMIT 1`)
      const known = await this.#describe(name, database, table)
      if (known !== undefined) return { view, known }
    } catch (error) {
      if (isAltered(error)) return 'altered'
      if (!isMissingTable(error)) throw error
    }
    await view?.close()
    return 'gone'
  }

  async #describe(name: string, database: string, table: string): Promise<KnownTable<Row> | undefined> {
    const { catalogue, shapeOf, keyed } = this.#options
    const definition = await catalogue().definition(database, table)
    const last = this.#known.get(name)
    if (definition === undefined || last?.definition === definition) return last
    const found = await catalogue().table(database, table)
    if (found === undefined) return undefined
    const described = keyed(found)
    const shape = shapeOf(described, definition)
    const columns = keyColumns(described)
    const known = {
      definition,
      table: described,
      select: selectList(described),
      shape,
      pageSize: new PageSize(),
      columns,
      isExact: columns.every(hasExactBounds),
    }
    this.#known.set(name, known)
    return known
  }

  async #viewSession(): Promise<MysqlConnection> {
    if (this.#session !== undefined && this.#session.lost === undefined) return this.#session
    const session = await this.#options.connect()
    this.#session = session
    const { id } = await serverInfo(session)
    if (id === this.#options.info.id) return session
    throw sourceFailed(`the address leads to ${id} now, and led to ${this.#options.info.id} before`)
  }

  /** The next rows of the chunk, at most so many; what was read beyond them is kept for the next call. */
  async #page(chunk: OpenChunk<Row>, maxRecords: number): Promise<ChunkRead<Row>> {
    const { view, known } = chunk
    if (chunk.page.length - chunk.at <= 1) await this.#fetch(chunk)
    const left = chunk.page.length - chunk.at
    const count = Math.min(maxRecords, chunk.hasMore ? left - 1 : left)
    const values = chunk.page.slice(chunk.at, chunk.at + count)
    chunk.at += count
    const source = originOf(known.table, view)
    const rows = values.map((row) => changeOf(row, known.shape, source))
    const next = chunk.at < chunk.page.length ? await this.#boundAt(chunk, count) : null
    return { rows, low: view.low, high: view.high, next, schema: known.shape.schema, source }
  }

  async #fetch(chunk: OpenChunk<Row>): Promise<void> {
    const { table, select, pageSize } = chunk.known
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
  #boundAt({ known, page, at, next, to }: OpenChunk<Row>, count: number): MysqlBound | Promise<MysqlBound | null> {
    const { table, columns, isExact } = known
    if (!isExact) return keyAfter(this.#session as MysqlConnection, table, { from: next, to }, count)
    const row = page[at] as readonly MysqlValue[]
    return boundOf(
      table,
      columns,
      columns.map((column) => row[table.columns.indexOf(column)] as MysqlValue),
    )
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

function changeOf<Row>(values: readonly MysqlValue[], shape: RowShape<Row>, source: Origin): Change<Row> {
  return { op: 'r', before: null, after: shape.row(values), key: shape.key(values), source }
}

function originOf({ database, name }: MysqlTable, { high }: SnapshotView): Origin {
  return {
    connector: 'mysql',
    database,
    table: name,
    position: `${high.file}:${high.pos}`,
    timestampMs: 0,
    snapshot: true,
  }
}

function sameBound(a: MysqlBound | null, b: unknown): boolean {
  return a === b || (a !== null && Array.isArray(b) && a.length === b.length && a.every((part, at) => part === b[at]))
}

/** ER_TABLE_DEF_CHANGED: the view is older than the table's columns. */
function isAltered(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'errno' in error && error.errno === 1412
}
