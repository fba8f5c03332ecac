// The rows that a test server logs while something runs, decoded; and what the server itself prints of the same values.

import { BinlogStream } from '../../../../../src/connectors/mysql/binlog-stream.ts'
import { Catalogue } from '../../../../../src/connectors/mysql/catalogue.ts'
import type { MysqlColumn, MysqlTable, MysqlValue } from '../../../../../src/connectors/mysql/column.ts'
import {
  type MysqlConnection,
  parseConnectionOptions,
  quoteName,
} from '../../../../../src/connectors/mysql/connection.ts'
import { Charsets } from '../../../../../src/connectors/mysql/log/charsets.ts'
import { EventType, isRows, type LogEvent, tableIdOf } from '../../../../../src/connectors/mysql/log/event.ts'
import { tableOfMap } from '../../../../../src/connectors/mysql/log/mapped-table.ts'
import { RowsDecoder } from '../../../../../src/connectors/mysql/log/rows-decoder.ts'
import { readTableMap } from '../../../../../src/connectors/mysql/log/table-map.ts'
import type { MysqlOffset } from '../../../../../src/connectors/mysql/offset.ts'
import { currentPlace } from '../../../../../src/connectors/mysql/place.ts'
import { type ServerInfo, serverInfo } from '../../../../../src/connectors/mysql/server.ts'
import { systemClock } from '../../../../../src/util/clock.ts'
import { connectTo } from '../../../../support/mysql-servers.ts'

/** A row as the log tells it. */
export interface LoggedRow {
  readonly table: MysqlTable
  readonly type: number
  readonly before: readonly MysqlValue[] | null
  readonly after: readonly MysqlValue[] | null
}

let nextServerId = 60_000 + (process.pid % 10_000) * 100

export class RowLog {
  readonly sql: MysqlConnection
  readonly info: ServerInfo
  readonly charsets: Charsets
  readonly catalogue: Catalogue
  readonly #url: string
  readonly #database: string

  private constructor(sql: MysqlConnection, info: ServerInfo, charsets: Charsets, url: string, database: string) {
    this.sql = sql
    this.info = info
    this.charsets = charsets
    this.catalogue = new Catalogue(sql, info)
    this.#url = url
    this.#database = database
  }

  /** `url` with the database whose rows are read. The session is the caller's to close. */
  static async open(url: string): Promise<RowLog> {
    const sql = await connectTo(url)
    const database = decodeURIComponent(new URL(url).pathname.slice(1))
    return new RowLog(sql, await serverInfo(sql), await Charsets.load(sql), url, database)
  }

  /** Rows of this database, of what `work` does. `table` gives what the catalogue says, by default all that it knows. */
  async rows(
    work: () => Promise<unknown>,
    table: (name: string) => Promise<MysqlTable | undefined> = (name) => this.catalogue.table(this.#database, name),
  ): Promise<LoggedRow[]> {
    const from = await currentPlace(this.sql, this.info)
    await work()
    const to = await currentPlace(this.sql, this.info)
    const decoders = new Map<number, { readonly table: MysqlTable; readonly decoder: RowsDecoder }>()
    const rows: LoggedRow[] = []
    for (const event of await this.#events(from, to)) {
      if (event.type === EventType.tableMap) {
        const map = readTableMap(event.body, this.info.mariadb)
        if (map.database !== this.#database) continue
        const mapped = tableOfMap(map, await table(map.table), this)
        decoders.set(map.tableId, { table: mapped, decoder: new RowsDecoder(map, mapped, this.charsets) })
      } else if (isRows(event.type)) {
        const reader = decoders.get(tableIdOf(event.body))
        reader?.decoder.decode(event, (before, after) =>
          rows.push({ table: reader.table, type: event.type, before, after }),
        )
      }
    }
    return rows
  }

  get mariadb(): boolean {
    return this.info.mariadb
  }

  /** What the server prints of each value of these columns, in this order of rows. */
  printed(table: MysqlTable, order: string): Promise<unknown[][]> {
    const list = table.columns.map(printSql).join(', ')
    return this.sql.query(`SELECT ${list} FROM ${quoteName(table.name)} ORDER BY ${order}`)
  }

  async #events(from: MysqlOffset, to: MysqlOffset): Promise<LogEvent[]> {
    const stream = await BinlogStream.open({
      settings: parseConnectionOptions({ url: this.#url }, 'test'),
      serverId: nextServerId++,
      from,
      info: this.info,
      heartbeatMs: 10_000,
      clock: systemClock,
    })
    const events: LogEvent[] = []
    while (stream.file !== to.file || stream.next < to.pos) {
      const event = stream.take()
      if (event === undefined) await stream.available()
      else events.push(event)
    }
    await stream.close()
    return events
  }
}

/** SQL whose text says exactly which value a column has. */
function printSql({ name, kind }: MysqlColumn): string {
  const column = quoteName(name)
  switch (kind) {
    case 'float':
      return `${column} * 1e0`
    case 'bit':
    case 'binary':
    case 'varbinary':
    case 'tinyblob':
    case 'blob':
    case 'mediumblob':
    case 'longblob':
    case 'geometry':
    case 'vector':
      return `HEX(${column})`
    case 'char':
    case 'varchar':
    case 'tinytext':
    case 'text':
    case 'mediumtext':
    case 'longtext':
    case 'set':
      return `HEX(CONVERT(${column} USING utf8mb4))`
    case 'enum':
      return `IF(${column} + 0 = 0, 'no member', CONCAT('member ', ${column}))`
    default:
      return `CAST(${column} AS CHAR)`
  }
}

/** A value from the log as `printSql` makes the server print it. */
export function print(value: MysqlValue, { kind, labels }: MysqlColumn): unknown {
  if (value === null) return null
  switch (kind) {
    case 'bit':
      return BigInt(`0x${Buffer.from(value as Uint8Array).toString('hex')}`)
        .toString(16)
        .toUpperCase()
    case 'enum':
      return value === 0 || (value === '' && !labels.includes('')) ? 'no member' : `member ${value}`
    case 'year':
      return String(value).padStart(4, '0')
    case 'float':
    case 'double':
      return value
    case 'char':
    case 'varchar':
    case 'tinytext':
    case 'text':
    case 'mediumtext':
    case 'longtext':
    case 'set':
      return Buffer.from(value as string)
        .toString('hex')
        .toUpperCase()
    default:
      return value instanceof Uint8Array ? Buffer.from(value).toString('hex').toUpperCase() : String(value)
  }
}

/** The values of a row, printed. */
export function printRow({ table, after }: LoggedRow): unknown[] {
  return table.columns.map((column, i) => print((after as readonly MysqlValue[])[i] as MysqlValue, column))
}

/** What the server printed, as `print` prints it: doubles are read from their text. */
export function readPrinted(values: readonly unknown[], table: MysqlTable): unknown[] {
  return values.map((value, i) => {
    const kind = table.columns[i]?.kind
    return value !== null && (kind === 'float' || kind === 'double') ? Number(value) : value
  })
}
