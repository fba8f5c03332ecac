// Drives a sink as the machine does, and makes the changes it takes from a real table.

import { Catalogue } from '../../../../../src/connectors/mysql/catalogue.ts'
import type { MysqlTable, MysqlValue } from '../../../../../src/connectors/mysql/column.ts'
import { type MysqlConnection, quoteName } from '../../../../../src/connectors/mysql/connection.ts'
import { makeRowShape } from '../../../../../src/connectors/mysql/row-shape.ts'
import { selectList } from '../../../../../src/connectors/mysql/select-list.ts'
import { serverInfo } from '../../../../../src/connectors/mysql/server.ts'
import { DEFAULT_SHAPE } from '../../../../../src/connectors/mysql/shape-options.ts'
import type {
  EpochSinkFunction,
  RichSinkFunction,
  UpsertSinkFunction,
} from '../../../../../src/contract/sink-function.ts'
import type { Change, ChangeSource, ColumnSchema, TableSchema } from '../../../../../src/record/change.ts'
import { systemClock } from '../../../../../src/util/clock.ts'
import { type ContextOptions, runtimeContext } from '../../../../support/runtime-context.ts'

export type RowChange = Change<MysqlValue[]>

/** An open sink; give it to close() at the end. */
export class SinkDriver<T> {
  readonly #sink: RichSinkFunction<T>

  private constructor(sink: RichSinkFunction<T>) {
    this.#sink = sink
  }

  static async open<T>(sink: RichSinkFunction<T>, context: ContextOptions = {}): Promise<SinkDriver<T>> {
    try {
      await sink.open(runtimeContext({ clock: systemClock, ...context }))
    } catch (error) {
      await sink.close()
      throw error
    }
    return new SinkDriver(sink)
  }

  /** Writes records, all of them durable when it returns. */
  async write(...records: T[]): Promise<void> {
    if (this.#sink.kind === 'upsert') {
      const sink = this.#sink as UpsertSinkFunction<T>
      await sink.write(records)
      return await sink.flush()
    }
    const sink = this.#sink as EpochSinkFunction<T>
    await this.writeEpoch((await sink.lastEpoch('writer', false)) + 1, records)
  }

  /** Writes an epoch of this number, or what is one to an upsert sink; an epoch that is in is left out, as the machine does. */
  async writeEpoch(epoch: number, records: readonly T[]): Promise<void> {
    if (this.#sink.kind === 'upsert') return await this.write(...records)
    const sink = this.#sink as EpochSinkFunction<T>
    if (epoch <= (await sink.lastEpoch('writer', false))) return
    await sink.apply(
      'writer',
      epoch,
      (async function* () {
        yield records
      })(),
    )
  }

  async close(): Promise<void> {
    await this.#sink.close()
  }
}

/** Opens, writes, closes. */
export async function writeOnce<T>(
  sink: RichSinkFunction<T>,
  records: readonly T[],
  context?: ContextOptions,
): Promise<void> {
  const driver = await SinkDriver.open(sink, context)
  try {
    await driver.write(...records)
  } finally {
    await driver.close()
  }
}

/** Where changes of a test are from; a later `at` is a later place in the log. */
export function sourceOf(table: string, at = 1, transaction?: string): ChangeSource {
  const place = { connector: 'mysql', database: 'source', table, position: `binlog.000001:${at}`, timestampMs: 0 }
  return { ...place, snapshot: false, ...(transaction !== undefined && { transaction }) }
}

export const column = (name: string, type: string, more: Partial<ColumnSchema> = {}): ColumnSchema => ({
  name,
  type,
  nullable: false,
  generated: false,
  ...more,
})

export const schemaRecord = (source: ChangeSource, schema: TableSchema): RowChange => ({
  op: 's',
  before: null,
  after: null,
  key: [],
  schema,
  source,
})

export const created = (source: ChangeSource, after: MysqlValue[]): RowChange => ({
  op: 'c',
  before: null,
  after,
  key: [],
  source,
})

export const updated = (source: ChangeSource, before: MysqlValue[], after: MysqlValue[], moves = false): RowChange => ({
  op: 'u',
  before,
  after,
  key: [],
  ...(moves && { oldKey: [] }),
  source,
})

export const deleted = (source: ChangeSource, before: MysqlValue[]): RowChange => ({
  op: 'd',
  before,
  after: null,
  key: [],
  source,
})

export const truncated = (source: ChangeSource): RowChange => ({ op: 't', before: null, after: null, key: [], source })

/** What a real table holds, as a snapshot tells it: its columns, then its rows. */
export async function snapshotOf(session: MysqlConnection, database: string, name: string): Promise<RowChange[]> {
  const catalogue = new Catalogue(session, await serverInfo(session))
  const table = (await catalogue.table(database, name)) as MysqlTable
  const definition = await catalogue.definition(database, name)
  const { schema } = makeRowShape<MysqlValue[]>(table, { ...DEFAULT_SHAPE, rows: 'array' }, { definition })
  const select = selectList(table)
  const rows = await session.query(`SELECT ${select.sql.join(', ')} FROM ${quoteName(database)}.${quoteName(name)}`)
  const source = { ...sourceOf(name), database, snapshot: true }
  return [
    schemaRecord(source, schema),
    ...rows.map((raw): RowChange => ({ ...created(source, select.values(raw)), op: 'r' })),
  ]
}
