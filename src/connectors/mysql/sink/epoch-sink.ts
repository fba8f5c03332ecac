import type { RuntimeContext } from '../../../contract/runtime-context.ts'
import { EpochSinkFunction } from '../../../contract/sink-function.ts'
import { type EpochRecords, EpochWriter } from '../../sql/epoch-writer.ts'
import type { Lane } from '../../sql/lane.ts'
import type { ControlConnection } from './control-connection.ts'
import type { SinkSettings } from './options.ts'
import { makeEpochs } from './own-tables.ts'
import { openOwnTables, sinkParts } from './sink-lanes.ts'
import type { TargetTable } from './target-table.ts'

/** A sink that writes exactly once, epoch by epoch: its connections, from open() to close(). */
export abstract class EpochSink<T, Settings extends SinkSettings> extends EpochSinkFunction<T> {
  protected readonly settings: Settings
  #control: ControlConnection | undefined
  #lane: Lane<TargetTable> | undefined
  #writer!: EpochWriter<T, TargetTable>

  constructor(settings: Settings) {
    super()
    this.settings = settings
  }

  override async open(context: RuntimeContext): Promise<void> {
    const { settings } = this
    const { lanes, control } = sinkParts(settings, 1, context)
    const lane = lanes[0] as Lane<TargetTable>
    this.#control = control
    this.#lane = lane
    const records = await this.prepare(control, context)
    await control.run((connection) => makeEpochs(connection, settings.ledger))
    await openOwnTables(settings, control)
    this.#writer = new EpochWriter<T, TargetTable>({
      node: context.node,
      lane,
      rowsMax: settings.batchRows,
      records,
      missing: (rows) => context.logger.warn('rows to be deleted were not in the target', { rows }),
    })
  }

  lastEpoch(writer: string): Promise<number> {
    return this.#writer.lastEpoch(writer)
  }

  apply(writer: string, epoch: number, batches: AsyncIterable<readonly T[]>): Promise<void> {
    return this.#writer.apply(writer, epoch, this.#prepared(batches))
  }

  override close(): void {
    this.#lane?.close()
    this.#control?.close()
  }

  /** Looks at the target, and says what records are. */
  protected abstract prepare(control: ControlConnection, context: RuntimeContext): Promise<EpochRecords<T, TargetTable>>
  /** What has to be known of records before a transaction begins that a change of tables would end. */
  protected abstract lookAt(records: readonly T[]): Promise<void>

  async *#prepared(batches: AsyncIterable<readonly T[]>): AsyncIterable<readonly T[]> {
    for await (const records of batches) {
      await this.lookAt(records)
      yield records
    }
  }
}
