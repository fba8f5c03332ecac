// Opens MysqlLogs on a test server, as the port does.

import { msgpackCodec } from '../../../../src/codec/msgpack-codec.ts'
import { BinlogStream } from '../../../../src/connectors/mysql/binlog-stream.ts'
import { Catalogue } from '../../../../src/connectors/mysql/catalogue.ts'
import { tableName } from '../../../../src/connectors/mysql/column.ts'
import { type MysqlConnection, parseConnectionOptions } from '../../../../src/connectors/mysql/connection.ts'
import { Charsets } from '../../../../src/connectors/mysql/log/charsets.ts'
import { MysqlLog } from '../../../../src/connectors/mysql/mysql-log.ts'
import type { MysqlOffset } from '../../../../src/connectors/mysql/offset.ts'
import { compareOffsets, currentPlace, logFiles } from '../../../../src/connectors/mysql/place.ts'
import { makeRowShape } from '../../../../src/connectors/mysql/row-shape.ts'
import { type ServerInfo, serverInfo } from '../../../../src/connectors/mysql/server.ts'
import { DEFAULT_SHAPE } from '../../../../src/connectors/mysql/shape-options.ts'
import { TableReaders } from '../../../../src/connectors/mysql/table-readers.ts'
import type { Change, TableSchema } from '../../../../src/record/change.ts'
import { systemClock } from '../../../../src/util/clock.ts'
import type { TestServer } from '../../../support/mysql-servers.ts'

type Row = readonly unknown[]
export type LogChange = Change<Row>

/** What was read: changes with their places and columns, and where to go on. */
export interface LogRead {
  readonly changes: readonly LogChange[]
  readonly offsets: readonly MysqlOffset[]
  readonly schemas: readonly TableSchema[]
  /** Those of the changes that were marked, in short. */
  readonly replaced: readonly string[]
  readonly next: MysqlOffset
}

/** As of MysqlLog. */
interface LogOptions {
  readonly wanted?: (table: string) => boolean
  readonly heldBytesMax?: number
  readonly skips?: (origin: string) => boolean
}

let nextServerId = 50_000 + (process.pid % 10_000) * 100

export class LogDriver {
  readonly sql: MysqlConnection
  readonly info: ServerInfo
  readonly database: string
  readonly #charsets: Charsets
  readonly #settings: ReturnType<typeof parseConnectionOptions>
  readonly #serverId = nextServerId++

  private constructor(sql: MysqlConnection, info: ServerInfo, database: string, charsets: Charsets, url: string) {
    this.sql = sql
    this.info = info
    this.database = database
    this.#charsets = charsets
    this.#settings = parseConnectionOptions({ url }, 'test')
  }

  /** A session in a fresh database. */
  static async open(server: TestServer): Promise<LogDriver> {
    const database = await server.database('log')
    return LogDriver.over(await server.connection(database), server.url(), database)
  }

  /** A session that is there; on a server that was started again, a new one is needed. */
  static async over(sql: MysqlConnection, url: string, database: string): Promise<LogDriver> {
    return new LogDriver(sql, await serverInfo(sql), database, await Charsets.load(sql), url)
  }

  async run(...statements: readonly string[]): Promise<void> {
    for (const statement of statements) await this.sql.run(statement)
  }

  place(): Promise<MysqlOffset> {
    return currentPlace(this.sql, this.info)
  }

  /** How rows of a database's wanted tables are read. */
  readers(database: string, wanted: (table: string) => boolean = () => true): TableReaders<Row> {
    return new TableReaders({
      catalogue: new Catalogue(this.sql, this.info),
      charsets: this.#charsets,
      mariadb: this.info.mariadb,
      isWanted: (of, table) => of === database && wanted(table),
      shapeOf: (table, extra) => makeRowShape(table, { ...DEFAULT_SHAPE, rows: 'array' }, extra),
    })
  }

  /** A log of the tables of this database that are wanted. */
  open(from: MysqlOffset, options: LogOptions = {}): MysqlLog<Row> {
    const { info, sql, database } = this
    const { wanted = () => true, heldBytesMax, skips } = options
    const catalogue = new Catalogue(sql, info)
    return new MysqlLog<Row>({
      open: (at) =>
        BinlogStream.open({
          settings: this.#settings,
          serverId: this.#serverId,
          from: at,
          info,
          heartbeatMs: 10_000,
          clock: systemClock,
        }),
      from,
      server: info,
      readers: this.readers(database, wanted),
      wanted: String(wanted),
      tables: () =>
        catalogue.tables(
          (title) => title.startsWith(tableName(database, '')) && wanted(title.slice(tableName(database, '').length)),
        ),
      currentPlace: () => this.place(),
      files: async () => (await logFiles(sql)).map(({ name }) => name),
      lowerCaseNames: false,
      skips,
      ...(heldBytesMax !== undefined && { heldBytesMax }),
    })
  }

  /**
   * Everything from a place up to where the log ends now, in pages of so many; `pagesMax`: or after so many; `atLeast`: and on, until there
   * are so many changes. Other tests write to the same log, so that it may be read a little further.
   */
  async read(
    from: MysqlOffset,
    options: LogOptions & {
      records?: number
      pagesMax?: number
      atLeast?: number
    } = {},
  ): Promise<LogRead> {
    const { records = 1000, pagesMax = Number.POSITIVE_INFINITY, atLeast = 0 } = options
    const end = await this.place()
    const log = this.open(restored(from), options)
    const changes: LogChange[] = []
    const offsets: MysqlOffset[] = []
    const schemas: TableSchema[] = []
    const replaced: string[] = []
    let next = from
    const goesOn = (): boolean => compareOffsets(next, end) < 0 || changes.length < atLeast
    try {
      for (let pages = 0; pages < pagesMax && goesOn(); ) {
        const page = await log.read(records)
        if (page.changes.length > 0) pages += 1
        changes.push(...page.changes)
        offsets.push(...(page.offsets as MysqlOffset[]))
        schemas.push(...page.schemas)
        replaced.push(...(page.replaced ?? []).map((index) => text(page.changes[index] as LogChange)))
        next = page.next as MysqlOffset
        if (page.changes.length === 0 && goesOn()) await log.available()
      }
    } finally {
      await log.close()
    }
    return { changes, offsets, schemas, replaced, next }
  }
}

/** As a checkpoint gives it back. */
export function restored(place: MysqlOffset): MysqlOffset {
  return msgpackCodec.decode(msgpackCodec.encode(place)) as MysqlOffset
}

/** A change in short: `u a 1,x > 1,y`. */
export function text({ op, source, before, after, key, oldKey }: LogChange): string {
  const parts = [
    op,
    source.table,
    before?.join(','),
    before !== null && after !== null ? '>' : undefined,
    after?.join(','),
  ]
  const moved = oldKey === undefined ? undefined : `(${oldKey.join(',')} > ${key.join(',')})`
  return [...parts, moved].filter((part) => part !== undefined).join(' ')
}

export function texts(read: { readonly changes: readonly LogChange[] }): string[] {
  return read.changes.map(text)
}
