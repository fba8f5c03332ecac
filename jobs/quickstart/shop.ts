// The quickstart's little world: a shop to read from, customers who go on shopping in it, and a check of the report.

import { createHash, randomUUID } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'libsql'
import { seededRng, UpsertSinkFunction } from 'millrace'

export interface ShopOptions {
  readonly file: string
  readonly orders: number
  readonly customers: number
  readonly seed: number
}

/**
 * Creates the shop unless it is there. Whole or not at all: it is made under another name and linked into place. Throws if the one
 * that is there was made of other numbers: its steps would go on in a shop that they do not fit.
 */
export function openShop(options: ShopOptions): void {
  if (existsSync(options.file)) return checkSame(options)
  mkdirSync(dirname(options.file), { recursive: true })
  const draft = `${options.file}.${randomUUID()}`
  const db = new Database(draft)
  db.exec(`PRAGMA journal_mode = WAL;
    CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, cents INTEGER NOT NULL, status TEXT NOT NULL);
    CREATE TABLE shopping (step INTEGER NOT NULL, made_of TEXT NOT NULL);
    INSERT INTO shopping VALUES (0, '${madeOf(options)}');
    BEGIN`)
  fill(db, options)
  db.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)')
  db.close()
  try {
    linkSync(draft, options.file)
  } finally {
    for (const suffix of ['', '-wal', '-shm']) rmSync(draft + suffix, { force: true })
  }
}

function madeOf({ orders, customers, seed }: ShopOptions): string {
  return `orders=${orders} customers=${customers} seed=${seed}`
}

function checkSame(options: ShopOptions): void {
  const [was] = rows(options.file, 'SELECT made_of FROM shopping')
  if (was === madeOf(options)) return
  const say = `it was made with --set ${was}, not ${madeOf(options)}`
  throw new Error(`${options.file}: ${say}. Say the same again, or give another --data-dir`)
}

function fill(db: Database.Database, { orders, customers, seed }: ShopOptions): void {
  const rng = seededRng(seed)
  const customer = db.prepare('INSERT INTO customers VALUES (?, ?)')
  for (let id = 1; id <= customers; id += 1) customer.run(id, `Customer ${id}`)
  const order = db.prepare('INSERT INTO orders VALUES (?, ?, ?, ?)')
  for (let id = 1; id <= orders; id += 1) order.run(id, 1 + rng.int(customers), 100 + rng.int(50_000), 'paid')
}

/**
 * Customers shopping: step n inserts, changes or deletes one order, drawn from (seed, n) alone. The shop remembers its last
 * step in the same transaction, so a step that comes again, after a crash, does nothing: an idempotent sink.
 */
export class Shopping extends UpsertSinkFunction<number> {
  readonly #options: ShopOptions
  #db: Database.Database | undefined

  constructor(options: ShopOptions) {
    super()
    this.#options = options
  }

  override open(): void {
    this.#db = new Database(this.#options.file, { timeout: 10_000 })
  }

  write(steps: readonly number[]): void {
    const db = this.#db as Database.Database
    db.exec('BEGIN IMMEDIATE')
    try {
      const done = (db.prepare('SELECT step FROM shopping').get() as { step: number }).step
      for (const step of steps) if (step > done) this.#shop(db, step)
      db.prepare('UPDATE shopping SET step = max(step, ?)').run(steps.at(-1) ?? 0)
      db.exec('COMMIT')
    } catch (error) {
      db.exec('ROLLBACK')
      throw error
    }
  }

  flush(): void {}

  override close(): void {
    this.#db?.close()
  }

  #shop(db: Database.Database, step: number): void {
    const { seed, orders, customers } = this.#options
    const rng = seededRng(seed * 1_000_003 + step)
    const what = rng.int(10)
    const existing = 1 + rng.int(orders + step)
    const customer = 1 + rng.int(customers)
    const cents = 100 + rng.int(50_000)
    if (what < 4) db.prepare("INSERT INTO orders VALUES (?, ?, ?, 'paid')").run(orders + step, customer, cents)
    else if (what < 7) db.prepare('UPDATE orders SET cents = ? WHERE id = ?').run(cents, existing)
    else if (what < 8) db.prepare('UPDATE orders SET customer_id = ? WHERE id = ?').run(customer, existing)
    else if (what < 9) db.prepare("UPDATE orders SET status = 'cancelled' WHERE id = ?").run(existing)
    else db.prepare('DELETE FROM orders WHERE id = ?').run(existing)
  }
}

/** Compares the report with one SQL query over the shop. Throws if they differ; else returns the digest of the sorted rows. */
export function checkReport(shopFile: string, reportFile: string): string {
  const wanted = rows(
    shopFile,
    `SELECT customers.id, count(orders.id), coalesce(sum(cents), 0) FROM customers
      LEFT JOIN orders ON customer_id = customers.id AND status = 'paid' GROUP BY 1 ORDER BY 1`,
  )
  const got = rows(reportFile, 'SELECT customer_id, orders, cents FROM customer_totals ORDER BY 1')
  const wrong = wanted.findIndex((row, i) => row !== got[i])
  if (wrong !== -1 || wanted.length !== got.length) {
    throw new Error(
      `the report differs from the shop: ${got.length} rows for ${wanted.length}, first at ${wanted[wrong] ?? got[wanted.length]} (report: ${got[wrong]})`,
    )
  }
  return createHash('sha256').update(got.join('\n')).digest('hex')
}

function rows(file: string, sql: string): string[] {
  const db = new Database(file, { timeout: 10_000 })
  try {
    return (db.prepare(sql).raw(true).all() as unknown[][]).map((row) => row.join('|'))
  } finally {
    db.close()
  }
}
