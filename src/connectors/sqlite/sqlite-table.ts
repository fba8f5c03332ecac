// Sinks for one table.

import { EpochSinkFunction, type RichSinkFunction, UpsertSinkFunction } from '../../contract/sink-function.ts'
import type { Change } from '../../record/change.ts'
import { RowTarget } from './row-target.ts'
import { OWN_PREFIX } from './table-definition.ts'
import { parseTableOptions, type SqliteTableOptions, type TableOptions } from './table-options.ts'
import { openTarget, type TargetDatabase } from './target-database.ts'

/**
 * Rows into a table. With `key`, rows with the same key replace each other, and what is written shows at once; without, every
 * row is added, exactly once: epoch by epoch, each in a transaction that also notes the epoch. Throws CONNECTOR_OPTION.
 */
export function sqliteTable<Row>(
  options: SqliteTableOptions & { readonly key?: readonly string[] },
): RichSinkFunction<Row> {
  const parsed = parseTableOptions(options, 'sqliteTable')
  return parsed.key === undefined ? new AppendedTable<Row>(parsed) : new UpsertedTable<Row>(parsed)
}

/**
 * Changes into a table, so that it becomes equal to where they come from: created and updated rows are written, deleted ones
 * deleted, a row whose key changes moves. `key` names the columns that tell rows apart. Throws CONNECTOR_OPTION.
 */
export function sqliteTableChanges<Row>(
  options: SqliteTableOptions & { readonly key: readonly string[] },
): RichSinkFunction<Change<Row>> {
  return new ChangedTable<Row>(parseTableOptions(options, 'sqliteTableChanges'))
}

type Fields = Readonly<Record<string, unknown>>

/** An upsert sink over one table: one transaction for each call of write, durable at flush. */
abstract class KeyedTable<T> extends UpsertSinkFunction<T> {
  readonly #options: TableOptions
  #database: TargetDatabase | undefined
  protected target!: RowTarget

  constructor(options: TableOptions) {
    super()
    this.#options = options
  }

  override open(): void {
    this.#database = openTarget(this.#options.file, this.#options.busyMs)
    this.target = new RowTarget(this.#database, this.#options)
    this.target.open()
  }

  write(records: readonly T[]): void {
    this.#database?.write(() => {
      for (const record of records) this.writeOne(record)
    })
  }

  flush(): void {
    this.#database?.flush()
  }

  override close(): void {
    this.#database?.close()
  }

  protected abstract writeOne(record: T): void
}

class UpsertedTable<Row> extends KeyedTable<Row> {
  protected writeOne(row: Row): void {
    this.target.write(row as Fields)
  }
}

class ChangedTable<Row> extends KeyedTable<Change<Row>> {
  protected writeOne({ op, before, after }: Change<Row>): void {
    if (op === 's') return
    if (op === 't') return this.target.clear()
    if (before !== null && (after === null || this.#moved(before, after))) this.target.remove(before as Fields)
    if (after !== null) this.target.write(after as Fields)
  }

  #moved(before: Row, after: Row): boolean {
    const was = this.target.keyOf(before as Fields)
    const is = this.target.keyOf(after as Fields)
    return was.some((value, index) => {
      const now = is[index]
      if (value instanceof Uint8Array && now instanceof Uint8Array) return Buffer.compare(value, now) !== 0
      return !Object.is(value, now)
    })
  }
}

const LEDGER = `${OWN_PREFIX}ledger`

class AppendedTable<Row> extends EpochSinkFunction<Row> {
  readonly #options: TableOptions
  #database!: TargetDatabase
  #target!: RowTarget

  constructor(options: TableOptions) {
    super()
    this.#options = options
  }

  override open(): void {
    this.#database = openTarget(this.#options.file, this.#options.busyMs)
    this.#database.exec(`CREATE TABLE IF NOT EXISTS ${LEDGER} (writer TEXT PRIMARY KEY, epoch INTEGER NOT NULL)`)
    this.#target = new RowTarget(this.#database, this.#options)
    this.#target.open()
  }

  lastEpoch(writer: string): number {
    return Number(this.#database.first(`SELECT epoch FROM ${LEDGER} WHERE writer = ?`, [writer])?.[0] ?? -1)
  }

  async apply(writer: string, epoch: number, batches: AsyncIterable<readonly Row[]>): Promise<void> {
    // Batches arrive with waits between them, in which no lock may be held: another task of this thread would block on it,
    // and with it the thread. So they are put aside first, in this connection's own space.
    this.#target.clearStaged()
    for await (const rows of batches) for (const row of rows) this.#target.stage(row as Fields)
    this.#database.write(() => {
      this.#target.writeStaged()
      const note = `INSERT INTO ${LEDGER} (writer, epoch) VALUES (?, ?) ON CONFLICT (writer) DO UPDATE SET epoch = excluded.epoch`
      this.#database.run(note, [writer, BigInt(epoch)])
    })
    this.#database.flush()
  }

  override close(): void {
    this.#database?.close()
  }
}
