// Sinks for many tables: make a server follow another one.
//
// I1. Changes are applied in the order they come, key by key; a key is deleted before it is written elsewhere.
// I2. Records of op `s` and `t` are barriers: all before them is committed first (the tables' own laws are in followed-tables).

import type { RuntimeContext } from '../../../contract/runtime-context.ts'
import { EpochSinkFunction, type RichSinkFunction, UpsertSinkFunction } from '../../../contract/sink-function.ts'
import { MillraceError } from '../../../errors.ts'
import type { Change } from '../../../record/change.ts'
import type { Batch } from '../../sql/batch.ts'
import { EpochWriter } from '../../sql/epoch-writer.ts'
import { RoundWriter } from '../../sql/round-writer.ts'
import type { MysqlValue } from '../column.ts'
import type { ControlConnection } from './control-connection.ts'
import { type Followed, FollowedTables } from './followed-tables.ts'
import { type MysqlTablesOptions, parseTablesOptions, type TablesSettings } from './options.ts'
import { makeEpochs } from './own-tables.ts'
import { openDeadLetters, sinkParts } from './sink-lanes.ts'
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

class Following extends UpsertSinkFunction<Row> {
  readonly #settings: TablesSettings
  #control: ControlConnection | undefined
  #writer: RoundWriter<TargetTable> | undefined
  #tables!: FollowedTables

  constructor(settings: TablesSettings) {
    super()
    this.#settings = settings
  }

  override async open(context: RuntimeContext): Promise<void> {
    refuseParallel(context)
    const { batchRows: rowsMax, batchMs: waitMs, transaction, writers } = this.#settings
    const whole = transaction === 'source'
    const { lanes, control } = sinkParts(this.#settings, whole ? 1 : writers, context)
    this.#control = control
    this.#writer = new RoundWriter({ lanes, clock: context.clock, rowsMax, waitMs, whole })
    this.#tables = new FollowedTables({ settings: this.#settings, control, logger: context.logger })
    await this.#tables.open()
    await openDeadLetters(this.#settings, control)
  }

  async write(changes: readonly Row[]): Promise<void> {
    const writer = this.#writer as RoundWriter<TargetTable>
    const whole = this.#settings.transaction === 'source'
    for (const change of changes) {
      if (change.op === 's' || change.op === 't') {
        await this.#structural(change, writer)
        continue
      }
      if (whole) {
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

  async flush(): Promise<void> {
    await this.#writer?.settled()
  }

  override close(): void {
    this.#writer?.close()
    this.#control?.close()
  }

  async #structural(change: Row, writer: RoundWriter<TargetTable>): Promise<void> {
    const work = this.#tables.workOf(change)
    if (work === undefined) return
    await writer.settled()
    await work()
  }
}

class FollowingEpochs extends EpochSinkFunction<Row> {
  readonly #settings: TablesSettings
  #control: ControlConnection | undefined
  #writer: EpochWriter<Row, TargetTable> | undefined
  #tables!: FollowedTables
  #closeLane: () => void = () => {}

  constructor(settings: TablesSettings) {
    super()
    this.#settings = settings
  }

  override async open(context: RuntimeContext): Promise<void> {
    refuseParallel(context)
    const settings = this.#settings
    const { lanes, control } = sinkParts(settings, 1, context)
    const [lane] = lanes
    if (lane === undefined) return
    this.#control = control
    this.#closeLane = () => lane.close()
    const tables = new FollowedTables({ settings, control, logger: context.logger })
    this.#tables = tables
    await tables.open()
    await control.run((connection) => makeEpochs(connection, settings.ledger))
    await openDeadLetters(settings, control)
    this.#writer = new EpochWriter<Row, TargetTable>({
      node: context.node,
      lane,
      rowsMax: settings.batchRows,
      records: {
        put: (change, batch) => putChange(change, tables.of(change.source), batch),
        isStructural: ({ op }) => op === 's' || op === 't',
        // Truncating once more would take what was written behind it.
        workOf: (change, again) => (again && change.op === 't' ? undefined : tables.workOf(change)),
      },
      missing: (rows) => context.logger.warn('rows to be deleted were not in the target', { rows }),
    })
  }

  lastEpoch(writer: string): Promise<number> {
    return (this.#writer as EpochWriter<Row, TargetTable>).lastEpoch(writer)
  }

  apply(writer: string, epoch: number, batches: AsyncIterable<readonly Row[]>): Promise<void> {
    return (this.#writer as EpochWriter<Row, TargetTable>).apply(writer, epoch, this.#recalled(batches))
  }

  /** The records that told of the columns may have come in an epoch that was applied before a restart. */
  async *#recalled(batches: AsyncIterable<readonly Row[]>): AsyncIterable<readonly Row[]> {
    for await (const changes of batches) {
      for (const { op, source } of changes)
        if (op !== 's' && op !== 't' && !this.#tables.isKnown(source)) await this.#tables.recall(source)
      yield changes
    }
  }

  override close(): void {
    this.#closeLane()
    this.#control?.close()
  }
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
