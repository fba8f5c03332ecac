// SqlitePort: a SQLite file as a source of changes. Offsets are numbers of log entries.
//
// Owns: a connection (one for the enumerator, one for each reader), the capture's view, what is known of tables.
//
// I1. A chunk's rows and the log's position are read in one read transaction: low = high, and no backfill is needed.
// I2. No read transaction outlives a call: a reader that waits for its sink blocks no writer.
// I3. Keys are compared by SQLite alone, with the collations of the key's own index.

import { existsSync } from 'node:fs'
import type { RuntimeContext } from '../../contract/runtime-context.ts'
import { MillraceError } from '../../errors.ts'
import type { Change, ChangeSource as Origin } from '../../record/change.ts'
import { present } from '../../util/assert.ts'
import {
  type ChangeLog,
  type ChangePort,
  type ChunkRead,
  type KeyBound,
  type KeyOrder,
  type KeyRange,
  type KeyRouter,
  type Offset,
  PageSize,
  type PortRole,
  type TableSplit,
} from '../cdc/index.ts'
import { Capture, type CaptureRecord } from './capture.ts'
import { SqliteDatabase } from './database.ts'
import { compareBound, type SqliteBound, splitColumns, toBound } from './key-bound.ts'
import type { SqliteSourceSettings } from './options.ts'
import { PageReader } from './page-reader.ts'
import { quoteName } from './quote.ts'
import { makeRowShape, type RowShape } from './row-shape.ts'
import { SqliteLog } from './sqlite-log.ts'
import { SqliteRouter } from './sqlite-router.ts'
import { collated, readTable, type TableDefinition } from './table-definition.ts'
import type { SqliteValue } from './value.ts'

/** Chunks found by one call of splitTable. */
const CHUNKS_PER_SPLIT = 16

interface KnownTable<Row> {
  readonly definition: TableDefinition
  readonly capture: CaptureRecord
  readonly shape: RowShape<Row>
}

export class SqlitePort<Row> implements ChangePort<Row> {
  readonly #settings: SqliteSourceSettings
  readonly #shapes = new Map<number, RowShape<Row>>()
  readonly #tables = new Map<string, KnownTable<Row> | undefined>()
  readonly #pageSizes = new Map<string, PageSize>()
  #context!: RuntimeContext
  #database!: SqliteDatabase
  #capture!: Capture
  #pages!: PageReader
  #schemaVersion: unknown

  constructor(settings: SqliteSourceSettings) {
    this.#settings = settings
  }

  open(context: RuntimeContext, role: PortRole): void {
    this.#context = context
    if (!existsSync(this.#settings.file)) {
      // The driver would make an empty database of a misspelt name.
      throw new MillraceError('IO', {
        action: 'open database',
        path: this.#settings.file,
        reason: 'there is no such file',
      })
    }
    this.#database = new SqliteDatabase(this.#settings.file, this.#settings.busyMs)
    this.#capture = new Capture(this.#database, this.#settings.nullableKeys, (message, fields) => {
      if (role === 'enumerator') context.logger.warn(message, fields)
    })
    this.#pages = new PageReader(this.#database, this.#settings.invalidText)
  }

  close(): void {
    this.#database?.close()
  }

  async discoverTables(): Promise<readonly string[]> {
    return this.#capture.install(this.#settings.isWanted)
  }

  isWanted(table: string): boolean {
    return this.#settings.isWanted(table)
  }

  /** Columns that were added and not yet noticed are logged first: they belong to what is there now. */
  currentOffset(): Offset {
    this.#capture.follow(this.#settings.isWanted)
    return this.#capture.position()
  }

  earliestOffset(): Offset {
    return this.#capture.trimmedTo()
  }

  parseOffset(text: string): Offset {
    const offset = Number(text)
    if (text !== '' && Number.isSafeInteger(offset) && offset >= 0) return offset
    const reason = `"${text}" is not the number of a log entry`
    throw new MillraceError('CONNECTOR_OPTION', { path: 'startup.offset', connector: 'sqliteChanges', reason })
  }

  compareOffsets(a: Offset, b: Offset): number {
    return (a as number) - (b as number)
  }

  covers(offset: Offset, source: Origin): boolean {
    return Number(source.position) <= (offset as number)
  }

  tableOf(change: Change<Row>): string {
    return change.source.table
  }

  splitTable(table: string, resume: NonNullable<unknown> | undefined): TableSplit {
    return this.#look(() => {
      const known = this.#known(table)
      const order = known === undefined ? {} : { order: collationsOf(known) }
      let from = (resume as SqliteBound | undefined) ?? null
      const ranges: KeyRange[] = []
      while (ranges.length < CHUNKS_PER_SPLIT) {
        const to = known === undefined ? null : this.#keyAfter(known, from, this.#settings.chunkSize)
        ranges.push({ from, to })
        if (to === null) return { ranges, resume: undefined, ...order }
        from = to
      }
      return { ranges, resume: from as NonNullable<unknown>, ...order }
    })
  }

  readChunk(table: string, range: KeyRange, maxRecords: number): ChunkRead<Row> {
    return this.#look(() => {
      const known = this.#known(table)
      const high = this.#capture.position()
      const source = this.#origin(table, high)
      if (known === undefined)
        return { rows: [], low: high, high, next: null, schema: { columns: [], key: [] }, source }
      const size = this.#pageSize(table)
      const limit = size.next(maxRecords)
      const page = this.#page(known, range, limit + 1)
      size.saw(page)
      // One row more than wanted tells where the rest begins.
      const rest = page.length > limit ? page.pop() : undefined
      const next = rest === undefined ? null : this.#boundOf(known, rest)
      const rows = page.map((values): Change<Row> => {
        return { op: 'r', before: null, after: known.shape.row(values), key: known.shape.key(values), source }
      })
      return { rows, low: high, high, next, schema: known.capture.schema, source }
    })
  }

  openLog(from: Offset, table?: string): ChangeLog<Row> {
    return new SqliteLog<Row>({
      database: this.#database,
      capture: this.#capture,
      pages: this.#pages,
      settings: this.#settings,
      clock: this.#context.clock,
      shapeOf: (capture) => this.#shape(capture),
      from: from as number,
      table,
    })
  }

  openRouter(table: string, bounds: readonly KeyBound[], order: KeyOrder | undefined): KeyRouter {
    const [bound] = bounds as readonly SqliteBound[]
    if (bound === undefined) return ONE_CHUNK
    const known = order === undefined ? this.#look(() => this.#known(table)) : undefined
    const found = (order as readonly string[] | undefined) ?? (known === undefined ? [] : collationsOf(known))
    // Of one that was gone when it was split, nothing more is known than the number of its key columns.
    const collations = found.length === bound.length ? found : bound.map(() => 'BINARY')
    return new SqliteRouter(this.#database, collations, bounds as readonly SqliteBound[])
  }

  checkpointed(offset: Offset): void {
    const { job, node } = this.#context
    this.#capture.consumed(`${job}/${node}`, offset as number, this.#settings.retainLogRows)
  }

  #origin(table: string, position: number): Origin {
    return {
      connector: 'sqlite',
      database: this.#settings.file,
      table,
      position: String(position),
      timestampMs: 0,
      snapshot: true,
    }
  }

  /** One read transaction, with captures that fit the tables. */
  #look<R>(read: () => R): R {
    this.#capture.follow(this.#settings.isWanted)
    return this.#database.transaction('DEFERRED', read)
  }

  /** The table as it is in this transaction; undefined if it is gone. */
  #known(table: string): KnownTable<Row> | undefined {
    const version = this.#database.first('PRAGMA schema_version')?.[0]
    if (version !== this.#schemaVersion) this.#tables.clear()
    this.#schemaVersion = version
    if (!this.#tables.has(table)) this.#tables.set(table, this.#describe(table))
    return this.#tables.get(table)
  }

  #describe(table: string): KnownTable<Row> | undefined {
    const definition = readTable(this.#database, table)
    const active = this.#capture.activeOf(table)
    if (definition === undefined || active === undefined) return undefined
    // Columns may have changed since the capture followed; added ones are logged when it follows.
    const names = new Set(definition.columns.map((column) => column.name))
    const missing = active.schema.columns.find((column) => !names.has(column.name))
    if (missing === undefined) return { definition, capture: active, shape: this.#shape(active) }
    const reason = `column "${missing.name}" was renamed or dropped at this very moment: starting again mends it`
    throw new MillraceError('SOURCE_FAILED', { node: this.#context.node, reason: `table "${table}": ${reason}` })
  }

  #shape(capture: CaptureRecord): RowShape<Row> {
    const known = this.#shapes.get(capture.id)
    if (known !== undefined) return known
    const shape = makeRowShape<Row>(capture, this.#settings.rows, this.#settings.integers)
    this.#shapes.set(capture.id, shape)
    return shape
  }

  #pageSize(table: string): PageSize {
    const known = this.#pageSizes.get(table) ?? new PageSize()
    this.#pageSizes.set(table, known)
    return known
  }

  /** Values as logged, in key order. */
  #page(known: KnownTable<Row>, range: KeyRange, limit: number): SqliteValue[][] {
    const { definition, capture } = known
    const columns = capture.schema.columns.map((column) => quoteName(column.name))
    if (capture.logsRowid) columns.unshift(quoteName(definition.rowid as string))
    const { from, parameters } = this.#range(known, range, '')
    return this.#pages.read(
      { columns, from: `${from} LIMIT ?`, parameters: [...parameters, BigInt(limit)] },
      definition.name,
    )
  }

  /** FROM … WHERE … ORDER BY … of a range. */
  #range(known: KnownTable<Row>, range: KeyRange, tail: string): { from: string; parameters: unknown[] } {
    const columns = splitColumns(known.definition, known.capture.byRowid)
    const lower = range.from === null ? undefined : compareBound(columns, '>=', range.from as SqliteBound)
    const upper = range.to === null ? undefined : compareBound(columns, '<', range.to as SqliteBound)
    const tests = [lower, upper].filter((test) => test !== undefined)
    const where = tests.length === 0 ? '' : ` WHERE ${tests.map((test) => test.sql).join(' AND ')}`
    const order = columns.map((column) => collated(column)).join(', ')
    return {
      from: `FROM ${quoteName(known.definition.name)}${where} ORDER BY ${order}${tail}`,
      parameters: tests.flatMap((test) => [...test.parameters]),
    }
  }

  /** The key `rows` rows behind `from`, or null if there are no more than so many. */
  #keyAfter(known: KnownTable<Row>, from: SqliteBound | null, rows: number): SqliteBound | null {
    const columns = splitColumns(known.definition, known.capture.byRowid).map((column) => quoteName(column.name))
    const { from: sql, parameters } = this.#range(known, { from, to: null }, ' LIMIT 1 OFFSET ?')
    const query = { columns, from: sql, parameters: [...parameters, BigInt(rows)] }
    const [key] = this.#pages.read(query, known.definition.name)
    return key === undefined ? null : toBound(key)
  }

  #boundOf(known: KnownTable<Row>, values: readonly SqliteValue[]): SqliteBound {
    const { byRowid, logsRowid, schema } = known.capture
    if (byRowid) return toBound([values[0] as SqliteValue])
    const names = schema.columns.map((column) => column.name)
    const row = logsRowid ? values.slice(1) : values
    return toBound(schema.key.map((name) => present(row[names.indexOf(name)], `key column ${name}`)))
  }
}

function collationsOf({ definition, capture }: KnownTable<unknown>): readonly string[] {
  return splitColumns(definition, capture.byRowid).map((column) => column.collation)
}

const ONE_CHUNK: KeyRouter = { route: (keys) => keys.map(() => 0), close: () => {} }
