// Sinks for many tables: make a server follow another one.
//
// I1. Changes are applied in the order they come, key by key; a key is deleted before it is written elsewhere.
// I2. Records of op `s` and `t` are barriers: all before them is committed first (the tables' own laws are in followed-tables).

import type { RuntimeContext } from '../../../contract/runtime-context.ts'
import type { RichSinkFunction } from '../../../contract/sink-function.ts'
import { MillraceError } from '../../../errors.ts'
import type { Change } from '../../../record/change.ts'
import type { Batch } from '../../sql/batch.ts'
import type { EpochRecords } from '../../sql/epoch-writer.ts'
import type { RoundWriter } from '../../sql/round-writer.ts'
import type { MysqlValue } from '../column.ts'
import type { ControlConnection } from './control-connection.ts'
import { EpochSink } from './epoch-sink.ts'
import { type Followed, FollowedTables } from './followed-tables.ts'
import { type MysqlTablesOptions, parseTablesOptions, type TablesSettings } from './options.ts'
import { RoundSink } from './round-sink.ts'
import type { TargetTable } from './target-table.ts'

type Row = Change<MysqlValue[]>

/**
 * Changes of many tables into tables of the same names, which it makes and alters. For
 * `mysqlChanges({ rows: 'array', schemaChanges: true })`. Throws CONNECTOR_OPTION.
 */
export function mysqlTables(options: MysqlTablesOptions): RichSinkFunction<Row> {
  const settings = parseTablesOptions(options, 'mysqlTables')
  return settings.delivery === 'exactly-once' ? new FollowingEpochs(settings) : new Following(settings)
}

class Following extends RoundSink<Row, TablesSettings> {
  #tables!: FollowedTables

  protected get keepsTransactions(): boolean {
    return this.settings.transaction === 'source'
  }

  protected async prepare(control: ControlConnection, context: RuntimeContext): Promise<void> {
    this.#tables = await openTables(this.settings, control, context)
  }

  async write(changes: readonly Row[]): Promise<void> {
    const { writer, keepsTransactions } = this
    for (const change of changes) {
      if (change.op === 's' || change.op === 't') {
        await this.#structural(change, writer)
        continue
      }
      if (keepsTransactions) {
        const turn = writer.enter(change.source.transaction)
        if (turn !== undefined) await turn
      }
      const followed = this.#tables.of(change.source)
      if (followed.schema.key.length === 0) refuseKeyless(followed)
      putChange(change, followed, writer.batch)
    }
    const turn = writer.due()
    if (turn !== undefined) await turn
  }

  async #structural(change: Row, writer: RoundWriter<TargetTable>): Promise<void> {
    const work = this.#tables.workOf(change)
    if (work === undefined) return
    await writer.settled()
    await work()
  }
}

class FollowingEpochs extends EpochSink<Row, TablesSettings> {
  #tables!: FollowedTables

  protected async prepare(
    control: ControlConnection,
    context: RuntimeContext,
  ): Promise<EpochRecords<Row, TargetTable>> {
    const tables = await openTables(this.settings, control, context)
    this.#tables = tables
    return {
      put: (change, batch) => putChange(change, tables.of(change.source), batch),
      isStructural: ({ op }) => op === 's' || op === 't',
      // Truncating once more would take what was written behind it.
      workOf: (change, again) => (again && change.op === 't' ? undefined : tables.workOf(change)),
    }
  }

  /** The records that told of the columns may have come in an epoch that was applied before a restart. */
  protected async lookAt(changes: readonly Row[]): Promise<void> {
    for (const { op, source } of changes)
      if (op !== 's' && op !== 't' && !this.#tables.isKnown(source)) await this.#tables.recall(source)
  }
}

async function openTables(
  settings: TablesSettings,
  control: ControlConnection,
  context: RuntimeContext,
): Promise<FollowedTables> {
  refuseParallel(context)
  const tables = new FollowedTables({ settings, control, logger: context.logger })
  await tables.open()
  return tables
}

function putChange(change: Row, { schema, table }: Followed, batch: Batch<TargetTable>): void {
  const { before, after, oldKey } = change
  if ((after ?? before)?.length !== schema.columns.length) refuseShape(change, table, schema.columns.length)
  if (before !== null && (after === null || oldKey !== undefined || table.rows !== 'keyed')) batch.remove(table, before)
  if (after !== null) batch.write(table, after)
}

/** With several readers, rows from before an ALTER may come behind the columns from after it; a restart reads them anew. */
function refuseShape({ before, after }: Row, { name }: TargetTable, expected: number): never {
  const row = after ?? before
  if (!Array.isArray(row)) {
    const reason = `a row is no array: give the source rows: 'array'`
    throw new MillraceError('SCHEMA_MISMATCH', { table: name, reason })
  }
  const reason = `table ${name}: a row has ${row.length} values, the columns told last are ${expected}`
  throw new MillraceError('SINK_FAILED', { node: 'mysqlTables', reason })
}

/** Its rows would come twice after a crash. */
function refuseKeyless({ table }: Followed): never {
  const reason = `it has no key, so a row written again would be there twice: set delivery: 'exactly-once', or leave the table out`
  throw new MillraceError('SCHEMA_MISMATCH', { table: table.name, reason })
}

/** Records that tell of columns go to one subtask, and each would have to know them. */
function refuseParallel({ parallelism }: RuntimeContext): void {
  if (parallelism === 1) return
  const reason = `expected parallelism 1, got ${parallelism}: writers says how many connections write at once`
  throw new MillraceError('CONNECTOR_OPTION', { path: 'parallelism', connector: 'mysqlTables', reason })
}
