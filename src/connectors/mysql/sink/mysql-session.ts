// MysqlSession: one connection of a sink. Rows go as text, many to a statement: that costs server and driver least (see README).

import { createHash } from 'node:crypto'
import type { DeadLetter, EpochMarker, SqlSession } from '../../sql/dialect.ts'
import type { MysqlConnection } from '../connection.ts'
import { markSql, originTable } from '../origin.ts'
import { hexOf } from './literal.ts'
import { textLiteral } from './literal-text.ts'
import { type OwnTables, ownTables } from './own-tables.ts'
import { Misfit, RowRefusal } from './row-refusal.ts'
import { LENIENT_MODE, STRICT_MODE } from './sql-mode.ts'
import type { TargetTable } from './target-table.ts'

export interface MysqlSessionOptions {
  /** Database of the sink's own tables. */
  readonly ledger: string
  /** What transactions are marked with. */
  readonly origin: string | undefined
  /** Who writes, for dead letters. */
  readonly node: string
  readonly packetBytesMax: number
}

/** Characters of a statement: longer ones are not faster, and hold more memory. */
const STATEMENT_CHARS_MAX = 512 * 1024
/** More tests than these and MySQL gives up on an index (range_optimizer_max_mem_size). */
const KEYS_MAX = 1000
/** What the server says when it stored something else than it was given. */
const CUT = new Set([1264, 1265, 1292, 1366, 1406, 1411, 3719])
const ENUM_CUT = 1265

type Row = readonly unknown[]

export class MysqlSession implements SqlSession<TargetTable> {
  readonly #connection: MysqlConnection
  readonly #options: MysqlSessionOptions
  readonly #own: OwnTables
  readonly #charsMax: number
  readonly #mark: string | undefined
  /** The transaction under way is marked. */
  #marked = false

  /** The session is strict, in UTC, with autocommit off. */
  constructor(connection: MysqlConnection, options: MysqlSessionOptions) {
    this.#connection = connection
    this.#options = options
    const { ledger, origin } = options
    this.#own = ownTables(ledger)
    this.#mark = origin === undefined ? undefined : markSql(originTable(ledger, origin))
    // A character takes 3 bytes at most.
    this.#charsMax = Math.min(STATEMENT_CHARS_MAX, Math.floor(options.packetBytesMax / 4))
  }

  async begin(): Promise<void> {
    if (this.#connection.lost !== undefined) throw this.#connection.lost
    this.#marked = false
  }

  async commit(): Promise<void> {
    await this.#connection.run('COMMIT')
  }

  async rollback(): Promise<void> {
    await this.#connection.run('ROLLBACK')
  }

  /** Comes before all rows of a transaction: so does its mark, which is never taken back without them. */
  async savepoint(): Promise<void> {
    if (this.#mark !== undefined && !this.#marked) await this.#connection.run(this.#mark)
    this.#marked = true
    await this.#connection.run('SAVEPOINT millrace')
  }

  async rollbackToSavepoint(): Promise<void> {
    await this.#connection.run('ROLLBACK TO SAVEPOINT millrace')
  }

  async write(table: TargetTable, rows: readonly Row[]): Promise<void> {
    if (!table.hasEnums) return this.#writeAll(table, rows)
    // The last write of a key is the only one here, so their order does not matter.
    await this.#writeAll(
      table,
      rows.filter((row) => table.enumErrors(row) === 0),
    )
    for (const row of rows) {
      const errors = table.enumErrors(row)
      if (errors > 0) await this.#writeEnumError(table, row, errors)
    }
  }

  async remove(table: TargetTable, rows: readonly Row[]): Promise<void> {
    const { head, tail } = table.delete
    const separator = table.deleteSeparator
    let sql = ''
    let count = 0
    for (const row of rows) {
      const text = table.keySql(row)
      if (count > 0 && (count === KEYS_MAX || sql.length + text.length > this.#charsMax)) {
        await this.#connection.run(sql + tail)
        count = 0
      }
      sql = count === 0 ? head + text : sql + separator + text
      count += 1
    }
    if (count > 0) await this.#connection.run(sql + tail)
  }

  async removeEqual(table: TargetTable, row: Row, count: number): Promise<number> {
    return (await this.#connection.run(table.deleteEqualSql(row, count))).affectedRows
  }

  async keep({ table, op, values, reason }: DeadLetter): Promise<void> {
    const row = JSON.stringify(values, plainValue)
    const { node } = this.#options
    const id = createHash('sha1').update([node, table, op, row].join('\0')).digest('hex')
    const literals = [id, node, table, op, reason, row].map(textLiteral)
    const [idSql, nodeSql, ...rest] = literals
    await this.#connection.run(
      `INSERT INTO ${this.#own.deadLetters} (id, at, node, tbl, op, reason, row_json)
        VALUES (${idSql}, UTC_TIMESTAMP(3), ${nodeSql}, ${rest.join(',')}) ON DUPLICATE KEY UPDATE id = id`,
    )
  }

  async marker(writer: string): Promise<EpochMarker> {
    const name = textLiteral(writer)
    const find = `SELECT epoch, part_epoch, part_records FROM ${this.#own.epochs} WHERE writer = ${name} FOR UPDATE`
    let row = await this.#connection.first(find)
    if (row === undefined) {
      // Two may be here at once: the row is what the second waits for.
      await this.#connection.run(`INSERT IGNORE INTO ${this.#own.epochs} VALUES (${name}, -1, -1, 0)`)
      row = await this.#connection.first(find)
    }
    const [epoch, partEpoch, records] = (row as unknown[]).map(Number)
    return { epoch: epoch as number, part: { epoch: partEpoch as number, records: records as number } }
  }

  async setMarker(writer: string, { epoch, part }: EpochMarker): Promise<void> {
    await this.#connection.run(
      `UPDATE ${this.#own.epochs} SET epoch = ${epoch}, part_epoch = ${part.epoch}, part_records = ${part.records}
        WHERE writer = ${textLiteral(writer)}`,
    )
  }

  close(): void {
    this.#connection.close()
  }

  async #writeAll(table: TargetTable, rows: readonly Row[]): Promise<void> {
    const { head, tail } = table.insert
    let sql = ''
    for (const row of rows) {
      const text = table.rowSql(row)
      if (sql !== '' && sql.length + text.length > this.#charsMax) {
        await this.#insert(sql + tail)
        sql = ''
      }
      if (text.length > this.#charsMax) this.#checkLength(text)
      sql = sql === '' ? head + text : `${sql},${text}`
    }
    if (sql !== '') await this.#insert(sql + tail)
  }

  async #insert(sql: string): Promise<void> {
    const { warningStatus } = await this.#connection.run(sql)
    if (warningStatus === 0) return
    const cut = (await this.#warnings()).find(([code]) => CUT.has(code))
    if (cut !== undefined) throw new RowRefusal(`${cut[1]} (a value would be cut)`)
  }

  /** The server would end the connection. */
  #checkLength(text: string): void {
    const bytes = Buffer.byteLength(text)
    if (bytes + 65_536 < this.#options.packetBytesMax) return
    const reason = `the row takes ${bytes} bytes in a statement, the server's max_allowed_packet is ${this.#options.packetBytesMax}: SET GLOBAL max_allowed_packet to more`
    throw new RowRefusal(reason)
  }

  /** Warns of the enum's error value and of nothing else, or the row does not fit. */
  async #writeEnumError(table: TargetTable, row: Row, errors: number): Promise<void> {
    await this.#connection.run(`SET SESSION sql_mode = '${LENIENT_MODE}'`)
    try {
      await this.#connection.run(table.insert.head + table.rowSql(row) + table.insert.tail)
      const warnings = (await this.#warnings()).filter(([code]) => CUT.has(code))
      const other = warnings.find(([code]) => code !== ENUM_CUT) ?? warnings[errors]
      if (other !== undefined) throw new RowRefusal(other[1])
    } finally {
      await this.#connection.run(`SET SESSION sql_mode = '${STRICT_MODE}'`)
    }
  }

  async #warnings(): Promise<[code: number, text: string][]> {
    const warnings = await this.#connection.query('SHOW WARNINGS')
    return warnings.map(([, code, text]) => [Number(code), String(text)])
  }
}

function plainValue(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Misfit) return typeof value.value === 'object' ? value.value : String(value.value)
  const bytes = value as { type?: unknown; data?: unknown }
  if (value instanceof Uint8Array) return { hex: hexOf(value) }
  return bytes.type === 'Buffer' && Array.isArray(bytes.data) ? { hex: Buffer.from(bytes.data).toString('hex') } : value
}
