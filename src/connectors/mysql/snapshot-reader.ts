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
import { type MysqlTable, type MysqlValue, splitTableName } from './column.ts'
import type { MysqlConnection } from './connection.ts'
import { fromRange, type MysqlBound, qualifiedName } from './key-bound.ts'
import type { RowShape } from './row-shape.ts'
import { type SelectList, selectList } from './select-list.ts'
import { type ServerInfo, serverInfo, sourceFailed } from './server.ts'
import { SnapshotView, type ViewStep } from './snapshot-view.ts'
import { Throttle } from './throttle.ts'

const VIEW_IDLE_MS = 10_000

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
}

/** A view and the chunk that it serves. */
interface OpenChunk<Row> {
  readonly name: string
  readonly to: MysqlBound | null
  readonly view: SnapshotView
  readonly known: KnownTable<Row>
  /** Where its next page begins. */
  next: MysqlBound | null
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
    const read = await this.#page(chunk, range, limit)
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
    if (open?.name === name && open.next !== null && sameBound(open.next, range.from) && sameBound(open.to, to))
      return open
    this.#leave()
    for (let attempt = 0; attempt < ALTERED_MAX; attempt++) {
      const entered = await this.#enter(name)
      if (entered === 'gone') return undefined
      if (entered === 'altered') continue
      this.#chunk = { name, to, next: null, ...entered }
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
    const known = { definition, table: described, select: selectList(described), shape, pageSize: new PageSize() }
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

  async #page({ view, known, to }: OpenChunk<Row>, range: KeyRange, maxRecords: number): Promise<ChunkRead<Row>> {
    const { table, select, shape, pageSize } = known
    const session = this.#session as MysqlConnection
    const from = range.from as MysqlBound | null
    const limit = pageSize.next(maxRecords)
    // One row more than wanted tells whether there is a rest.
    const page = await session.query(`SELECT ${select.sql.join(', ')} ${fromRange(table, from, to)} LIMIT ${limit + 1}`)
    const next = page.length > limit ? await keyAfter(session, table, { from, to }, limit) : null
    if (page.length > limit) page.length = limit
    const source = originOf(table, view)
    const values = page.map(select.values)
    pageSize.saw(values)
    const rows = values.map((row) => changeOf(row, shape, source))
    return { rows, low: view.low, high: view.high, next, schema: shape.schema, source }
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
