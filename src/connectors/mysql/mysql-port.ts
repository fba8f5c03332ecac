// MysqlPort: a MySQL or MariaDB server as a source of changes. Offsets are places in its binary log.
//
// Owns: a session for questions, the reader of snapshots, the server ids it takes.
// Does not own: the log's decoding (mysql-log), which chunks there are (cdc).
//
// I1. All sessions are with the server that the port was opened at: places of another one's log mean nothing here.
// I2. Keys are compared by the server, whole numbers apart, whose order is everyone's.

import { createHash, randomInt } from 'node:crypto'
import { join } from 'node:path'
import type { RuntimeContext } from '../../contract/runtime-context.ts'
import { MillraceError } from '../../errors.ts'
import type { Change, ChangeSource as Origin } from '../../record/change.ts'
import { systemClock } from '../../util/clock.ts'
import type {
  ChangeLog,
  ChangePort,
  ChunkRead,
  KeyBound,
  KeyOrder,
  KeyRange,
  KeyRouter,
  Offset,
  PortRole,
  TableSplit,
} from '../cdc/index.ts'
import { BinlogStream } from './binlog-stream.ts'
import { Catalogue, type CatalogueTable } from './catalogue.ts'
import { splitTable } from './chunk-splitter.ts'
import { type MysqlTable, splitTableName, tableName } from './column.ts'
import { MysqlConnection } from './connection.ts'
import { keyColumns, type MysqlBound } from './key-bound.ts'
import { Charsets } from './log/charsets.ts'
import { MeasuredLog } from './measured-log.ts'
import { MysqlLog } from './mysql-log.ts'
import { lastPartRouter, makeRouter } from './mysql-router.ts'
import type { ColumnStep, MysqlOffset } from './offset.ts'
import { type MysqlSourceSettings, tableTest } from './options.ts'
import { compareOffsets, covers, currentPlace, earliestPlace, logFiles, parsePlace } from './place.ts'
import { placeAt } from './place-at.ts'
import { checkServer, checkTable, checkVersioning, transactionalEngines } from './preflight.ts'
import { makeRowShape } from './row-shape.ts'
import { type ServerInfo, serverInfo, sourceFailed } from './server.ts'
import { SnapshotReader, snapshotOrigin } from './snapshot-reader.ts'
import type { ViewStep } from './snapshot-view.ts'
import { sourceError } from './source-error.ts'
import { isSpoolBound, SpooledReader } from './spooled-reader.ts'
import { TableReaders } from './table-readers.ts'
import { TableViews } from './table-views.ts'
import { Throttle } from './throttle.ts'

/** Logs that one reader may have open at a time: the one it follows, and one that it goes back over. */
const LOGS_PER_READER = 2

export class MysqlPort<Row> implements ChangePort<Row> {
  readonly #settings: MysqlSourceSettings
  readonly #step: (step: ViewStep, table: string) => Promise<void>
  readonly #checked = new Set<string>()
  #context!: RuntimeContext
  #main: MysqlConnection | undefined
  #info!: ServerInfo
  #catalogue!: Catalogue
  #foldsCase!: boolean
  #isWanted!: (name: string) => boolean
  #wanted!: string
  #charsets: Charsets | undefined
  #snapshots!: SnapshotReader<Row>
  #spooled!: SpooledReader<Row>
  #throttle!: Throttle
  #logsOpened = 0
  #lastSource: Origin | undefined
  #lastTable = ''

  /** `step` is called where a view of a chunk is on its way: tests change rows there. */
  constructor(settings: MysqlSourceSettings, step: (step: ViewStep, table: string) => Promise<void> = async () => {}) {
    this.#settings = settings
    this.#step = step
  }

  async open(context: RuntimeContext, role: PortRole): Promise<void> {
    this.#context = context
    this.#checkServerIds()
    await this.#asked(async () => {
      const connection = await this.#session()
      this.#info = await serverInfo(connection)
      this.#catalogue = new Catalogue(connection, this.#info)
      await this.#catalogue.prepare()
      this.#foldsCase = await this.#catalogue.foldsCase()
      this.#isWanted = tableTest(this.#settings.tables, this.#foldsCase)
      const { tables, skipOrigins } = this.#settings
      const skips = skipOrigins === true || skipOrigins.length > 0 ? [skipOrigins] : []
      const identity = JSON.stringify([tables, this.#foldsCase, ...skips])
      this.#wanted = createHash('sha256').update(identity).digest('hex').slice(0, 16)
      this.#prepareReading()
      if (role === 'enumerator') await this.#preflight(connection)
    })
  }

  readonly #skips = (origin: string): boolean => {
    const { skipOrigins } = this.#settings
    return skipOrigins === true || skipOrigins.includes(origin)
  }

  async close(): Promise<void> {
    this.#snapshots?.close()
    await this.#spooled?.close()
    this.#main?.close()
  }

  discoverTables(): Promise<readonly string[]> {
    return this.#asked(async () => {
      const connection = await this.#session()
      const tables = await this.#catalogue.tables(this.#isWanted)
      const gone = new Set<CatalogueTable>()
      let fresh = tables.filter(({ database, name }) => !this.#checked.has(tableName(database, name)))
      for (const table of fresh) checkVersioning(table, this.#context.node)
      const readsRows = this.#settings.startup === 'initial' || this.#settings.startup === 'snapshot'
      if (readsRows && fresh.length > 0) {
        const engines = await transactionalEngines(connection)
        for (const table of fresh) {
          if (await checkTable(connection, engines, table, this.#context.node))
            await this.#describe(tableName(table.database, table.name))
          else gone.add(table)
        }
        fresh = fresh.filter((table) => !gone.has(table))
      }
      for (const { database, name } of fresh) await this.#checkKey(database, name)
      for (const { database, name } of fresh) this.#checked.add(tableName(database, name))
      return tables.filter((table) => !gone.has(table)).map(({ database, name }) => tableName(database, name))
    })
  }

  isWanted(table: string): boolean {
    return this.#isWanted(table)
  }

  currentOffset(): Promise<Offset> {
    return this.#asked(async () => currentPlace(await this.#session(), this.#info))
  }

  earliestOffset(): Promise<Offset> {
    return this.#asked(async () => earliestPlace(await this.#session(), this.#info))
  }

  offsetAt(timestampMs: number): Promise<Offset> {
    return this.#asked(async () =>
      placeAt(
        { connection: await this.#session(), info: this.#info, open: (from) => this.#openStream(from) },
        timestampMs,
      ),
    )
  }

  parseOffset(text: string): Offset {
    return parsePlace(text)
  }

  compareOffsets(a: Offset, b: Offset): number {
    return compareOffsets(a as MysqlOffset, b as MysqlOffset)
  }

  covers(offset: Offset, source: Origin): boolean {
    return covers(offset as MysqlOffset, source)
  }

  tableOf({ source }: Change<Row>): string {
    if (source === this.#lastSource) return this.#lastTable
    this.#lastSource = source
    this.#lastTable = tableName(source.database, source.table)
    return this.#lastTable
  }

  splitTable(name: string, resume: NonNullable<unknown> | undefined): Promise<TableSplit> {
    return this.#asked(async () => {
      const table = await this.#describe(name)
      if (table === undefined) return { ranges: [{ from: null, to: null }], resume: undefined }
      const order: MysqlTable = { ...table, columns: keyColumns(table) }
      if (table.key.length === 0) return { ranges: [{ from: null, to: null }], resume: undefined, order }
      return { ...(await splitTable(await this.#session(), table, this.#settings.chunkSize, resume)), order }
    })
  }

  readChunk(name: string, range: KeyRange, maxRecords: number): Promise<ChunkRead<Row>> {
    return this.#asked(async () => {
      const limit = await this.#throttle.admit(maxRecords)
      for (;;) {
        const read = (await this.#isSpooled(name, range))
          ? await this.#spooled.read(name, range, limit)
          : await this.#snapshots.read(name, range, limit)
        const found = read ?? (await this.#readMissing(name))
        if (found === undefined) continue
        this.#throttle.took(found.rows.length)
        return found
      }
    })
  }

  /** No rows, of a table that is gone between two places; undefined if it has come back. */
  async #readMissing(name: string): Promise<ChunkRead<Row> | undefined> {
    const place = async (): Promise<MysqlOffset> => currentPlace(await this.#session(), this.#info)
    const low = await place()
    if ((await this.#describe(name)) !== undefined) return undefined
    const high = await place()
    const { database, table } = splitTableName(name)
    const source = snapshotOrigin(database, table, high)
    return { rows: [], low, high, next: null, schema: { columns: [], key: [] }, source }
  }

  /** Not at a limited rate, which it would exceed; nor a table that may be without a key. */
  prepareChunk(name: string, range: KeyRange): void {
    if (this.#settings.rowsPerSecond !== undefined || (range.from === null && range.to === null)) return
    this.#snapshots.prepare(name, range)
  }

  columnsUntold(table: string, at: Offset): readonly ColumnStep[] {
    return (at as MysqlOffset).altered?.[table] ?? []
  }

  openLog(from: Offset, table?: string): Promise<ChangeLog<Row>> {
    return this.#asked(async () => {
      const isNamed = (name: string): boolean => (table === undefined ? this.#isWanted(name) : name === table)
      const isWanted = (database: string, name: string): boolean => isNamed(tableName(database, name))
      this.#charsets ??= await Charsets.load(await this.#session())
      const readers = new TableReaders<Row>({
        catalogue: {
          table: async (database, name) => (await this.#askCatalogue()).table(database, name),
          definition: async (database, name) => (await this.#askCatalogue()).definition(database, name),
        },
        charsets: this.#charsets,
        mariadb: this.#info.mariadb,
        isWanted,
        shapeOf: (found, extra) => makeRowShape<Row>(this.#keyed(found), this.#settings.shape, extra),
      })
      const log = new MysqlLog<Row>({
        open: (at) => this.#openStream(at),
        from: from as MysqlOffset,
        server: this.#info,
        readers,
        wanted: table === undefined ? this.#wanted : `${this.#wanted}/${table}`,
        tables: async () => (await this.#askCatalogue()).tables(isNamed),
        currentPlace: async () => currentPlace(await this.#session(), this.#info),
        files: async () => (await logFiles(await this.#session())).map(({ name }) => name),
        lowerCaseNames: this.#foldsCase,
        // Rows of a table being read are as of a place in the log, whoever brought them there.
        skips: table === undefined ? this.#skips : undefined,
      })
      // A log of one table is read to bring its chunks to one place: it is not what the source follows.
      if (table !== undefined) return log
      const { metrics, clock } = this.#context
      return new MeasuredLog<Row>(log, { metrics, clock, bytesBehind: (place) => this.#bytesBehind(place) })
    })
  }

  openRouter(name: string, bounds: readonly KeyBound[], order: KeyOrder | undefined): Promise<KeyRouter> {
    return this.#asked(async () => {
      const table = (order as MysqlTable | undefined) ?? (await this.#describe(name))
      if (table === undefined || table.key.length === 0 || bounds.length === 0) return lastPartRouter(bounds.length)
      return makeRouter(await this.#session(), table, bounds as readonly MysqlBound[])
    })
  }

  /** Copies of tables that no table waits for any more are let go of. */
  async checkpointed(offset: Offset): Promise<void> {
    this.#context.logger.debug('the log is needed from here', { place: offset })
    await this.#spooled.release((at) => compareOffsets(at, offset as MysqlOffset) < 0)
  }

  /** Runs questions; what the driver throws becomes an error of the source. */
  async #asked<R>(work: () => Promise<R>): Promise<R> {
    try {
      return await work()
    } catch (error) {
      throw sourceError(error, this.#settings.connection, this.#context.node)
    }
  }

  /** The session for questions; anew if it was lost while nothing was asked. */
  async #session(): Promise<MysqlConnection> {
    if (this.#main !== undefined && this.#main.lost === undefined) return this.#main
    const before = this.#main
    this.#main = await this.#connect()
    if (before === undefined) return this.#main
    const { id } = await serverInfo(this.#main)
    if (id !== this.#info.id) throw sourceFailed(`the address leads to ${id} now, and led to ${this.#info.id} before`)
    this.#catalogue = new Catalogue(this.#main, this.#info)
    await this.#catalogue.prepare()
    return this.#main
  }

  /** The catalogue, of a session that is there. */
  async #askCatalogue(): Promise<Catalogue> {
    await this.#session()
    return this.#catalogue
  }

  #connect(): Promise<MysqlConnection> {
    return MysqlConnection.open(this.#settings.connection)
  }

  async #preflight(connection: MysqlConnection): Promise<void> {
    const { node, logger } = this.#context
    await checkServer({
      connection,
      info: this.#info,
      node,
      warn: (message) => logger.warn(message),
      openLog: async () => {
        const stream = await this.#openStream(await currentPlace(connection, this.#info))
        await stream.close()
      },
    })
  }

  #prepareReading(): void {
    const { clock, directory, parallelism } = this.#context
    const { rowsPerSecond } = this.#settings
    const shapeOf = (table: MysqlTable, definition: string) =>
      makeRowShape<Row>(table, this.#settings.shape, { definition })
    const views = new TableViews<Row>({
      info: this.#info,
      catalogue: () => this.#catalogue,
      connect: () => this.#connect(),
      shapeOf,
      keyed: (table) => this.#keyed(table),
      step: this.#step,
    })
    this.#snapshots = new SnapshotReader<Row>(views, clock)
    this.#spooled = new SpooledReader<Row>(views, join(directory, 'spool'), shapeOf)
    this.#throttle = new Throttle(clock, rowsPerSecond === undefined ? undefined : rowsPerSecond / parallelism)
  }

  /** Whether a table is copied before it is given: one without a key, which is one chunk. */
  async #isSpooled(name: string, { from, to }: KeyRange): Promise<boolean> {
    if (from !== null) return isSpoolBound(from as MysqlBound)
    return to === null && (await this.#describe(name))?.key.length === 0
  }

  async #describe(name: string): Promise<MysqlTable | undefined> {
    const { database, table } = splitTableName(name)
    const found = await (await this.#askCatalogue()).table(database, table)
    return found === undefined ? undefined : this.#keyed(found)
  }

  /** The table with the key that option chunkKey gives it, if it has none of its own. */
  #keyed(table: MysqlTable): MysqlTable {
    const key = this.#settings.chunkKey.get(tableName(table.database, table.name))
    if (key === undefined || table.key.length > 0) return table
    return { ...table, key }
  }

  /** Makes sure that the key which option chunkKey gives a table tells its rows apart. Throws SCHEMA_MISMATCH. */
  async #checkKey(database: string, name: string): Promise<void> {
    const table = tableName(database, name)
    const key = this.#settings.chunkKey.get(table)
    if (key === undefined || (await this.#catalogue.isUnique(database, name, key))) return
    const reason = `chunkKey (${key.join(', ')}) does not tell its rows apart: it takes a unique index over these columns, none of them nullable`
    throw new MillraceError('SCHEMA_MISMATCH', { table, reason })
  }

  async #bytesBehind(place: MysqlOffset): Promise<number> {
    const files = await logFiles(await this.#session())
    const at = files.findIndex(({ name }) => name === place.file)
    if (at < 0) return 0
    return files.slice(at).reduce((bytes, { size }) => bytes + size, -place.pos)
  }

  #openStream(from: MysqlOffset): Promise<BinlogStream> {
    const { connection, heartbeatMs } = this.#settings
    return BinlogStream.open({
      settings: connection,
      serverId: this.#serverId(),
      from,
      info: this.#info,
      heartbeatMs,
      // The network's own time: a test that hurries the job's clock does not hurry the server.
      clock: systemClock,
    })
  }

  #checkServerIds(): void {
    const ids = this.#settings.serverIds
    const needed = LOGS_PER_READER * this.#context.parallelism
    if (ids === undefined || ids[1] - ids[0] + 1 >= needed) return
    throw new MillraceError('CONNECTOR_OPTION', {
      path: 'serverId',
      connector: 'mysqlChanges',
      reason: `${needed} ids are needed, ${LOGS_PER_READER} for each reader: '${ids[0]}-${ids[0] + needed - 1}'`,
    })
  }

  /** Of its own among the readers, and not the one it took last: the server may not have noticed that that one is gone. */
  #serverId(): number {
    const ids = this.#settings.serverIds
    // Above what people give their servers by hand.
    if (ids === undefined) return randomInt(1_000_000_000, 4_294_967_295)
    this.#logsOpened += 1
    return ids[0] + LOGS_PER_READER * this.#context.subtask + (this.#logsOpened % LOGS_PER_READER)
  }
}
