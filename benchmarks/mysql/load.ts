// The load: a table of eight columns, about 200 bytes a row, written as an application writes it.

import mysql, { type Connection } from 'mysql2/promise'

/** Statements on one row each, or rows in bulk. */
export type Operation = 'insert' | 'update' | 'delete' | 'fill'

export interface Load {
  readonly operation: Operation
  readonly table: string
  /** The first row's id. */
  readonly first: number
  readonly rows: number
  /** Rows in a transaction; of `fill`, in its one statement. */
  readonly perTransaction: number
  /** Rows per second; undefined: as fast as it goes. */
  readonly rate?: number
}

/** A connection that takes several statements at once. */
export function connect(url: string): Promise<Connection> {
  return mysql.createConnection({ uri: url, multipleStatements: true })
}

/** Makes the table anew. */
export async function createTable(connection: Connection, table: string): Promise<void> {
  await connection.query(`DROP TABLE IF EXISTS ${table}`)
  await connection.query(`CREATE TABLE ${table} (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(40) NOT NULL,
    email VARCHAR(80) NOT NULL, amount DECIMAL(18,6) NOT NULL, ts DATETIME(6) NOT NULL, n INT NOT NULL, note TEXT NULL, doc JSON)
    CHARACTER SET utf8mb4`)
}

/** Writes the load; one round trip a transaction, or for 100 transactions of one row. Returns the seconds it took. */
export async function write(connection: Connection, load: Load): Promise<number> {
  const started = performance.now()
  const { first, rows, perTransaction, rate } = load
  const perTrip = Math.max(perTransaction, 100)
  for (let done = 0; done < rows; done += perTrip) {
    const count = Math.min(perTrip, rows - done)
    await connection.query(statements(load, first + done, count))
    const aheadMs = rate === undefined ? 0 : ((done + count) / rate) * 1000 - (performance.now() - started)
    if (aheadMs > 1) await new Promise((resolve) => setTimeout(resolve, aheadMs))
  }
  return (performance.now() - started) / 1000
}

function statements({ operation, table, perTransaction }: Load, first: number, count: number): string {
  const ids = Array.from({ length: count }, (_, index) => first + index)
  if (operation === 'fill') return `INSERT INTO ${table} VALUES ${ids.map(rowSql).join(',')}`
  const each = ids.map((id) => STATEMENTS[operation](table, id))
  return perTransaction === 1 ? each.join(';') : `BEGIN;${each.join(';')};COMMIT`
}

const STATEMENTS: Readonly<Record<Exclude<Operation, 'fill'>, (table: string, id: number) => string>> = {
  insert: (table, id) => `INSERT INTO ${table} VALUES ${rowSql(id)}`,
  update: (table, id) =>
    `UPDATE ${table} SET amount = amount + 1, ts = NOW(6), n = ${mix(id) % 100_000}, note = 'changed ${id}' WHERE id = ${id}`,
  delete: (table, id) => `DELETE FROM ${table} WHERE id = ${id}`,
}

/** A row as (…); `ts` is when it was written. */
function rowSql(id: number): string {
  const a = mix(id)
  const b = mix(a)
  const note = id % 4 === 0 ? 'NULL' : `'note ${a.toString(16)}, über ${b} lorem ipsum dolor sit amet'`
  const doc = `'{"k":${a},"tags":["${b.toString(16)}","b"],"big":9007199254740993}'`
  return `(${id},'user-${a}','mail.${a}.${b}@example-${id % 97}.org',${b % 1_000_000}.${a % 1_000_000},NOW(6),${a | 0},${note},${doc})`
}

/** Spreads 32 bits. */
function mix(value: number): number {
  let x = Math.imul(value ^ (value >>> 16), 0x45d9f3b)
  x = Math.imul(x ^ (x >>> 16), 0x45d9f3b)
  return (x ^ (x >>> 16)) >>> 0
}
