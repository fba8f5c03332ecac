import type { RuntimeContext } from '../../../contract/runtime-context.ts'
import { UpsertSinkFunction } from '../../../contract/sink-function.ts'
import { RoundWriter } from '../../sql/round-writer.ts'
import type { ControlConnection } from './control-connection.ts'
import type { SinkSettings } from './options.ts'
import { openOwnTables, sinkParts } from './sink-lanes.ts'
import type { TargetTable } from './target-table.ts'

/** A sink that writes in rounds, each of which shows at once: its connections, from open() to close(). */
export abstract class RoundSink<T, Settings extends SinkSettings> extends UpsertSinkFunction<T> {
  protected readonly settings: Settings
  #control: ControlConnection | undefined
  #writer: RoundWriter<TargetTable> | undefined

  constructor(settings: Settings) {
    super()
    this.settings = settings
  }

  override async open(context: RuntimeContext): Promise<void> {
    const { batchRows: rowsMax, batchMs: waitMs, writers } = this.settings
    const whole = this.keepsTransactions
    const { lanes, control } = sinkParts(this.settings, whole ? 1 : writers, context)
    this.#control = control
    this.#writer = new RoundWriter({ lanes, clock: context.clock, rowsMax, waitMs, whole })
    await this.prepare(control, context)
    await openOwnTables(this.settings, control)
  }

  async flush(): Promise<void> {
    await this.#writer?.settled()
  }

  override close(): void {
    this.#writer?.close()
    this.#control?.close()
  }

  protected get writer(): RoundWriter<TargetTable> {
    return this.#writer as RoundWriter<TargetTable>
  }

  /** Whether nothing is committed in the middle of a transaction of the source. */
  protected abstract get keepsTransactions(): boolean
  /** Looks at the target. */
  protected abstract prepare(control: ControlConnection, context: RuntimeContext): Promise<void>
}
