import type { UpsertSinkFunction } from '../../src/contract/sink-function.ts'
import type { Batch } from '../../src/record/batch.ts'
import { failpoint } from '../../src/util/failpoint.ts'
import type { Pending } from '../channel/channel.ts'
import { readyPart, type SnapshotPart } from './chain-node.ts'
import type { SinkRunner } from './sink-runner.ts'

/** Upsert sinks: written at once, durable in the target before the checkpoint is acknowledged. Nothing to commit. */
export class UpsertRunner implements SinkRunner {
  readonly #sink: UpsertSinkFunction<unknown>

  constructor(sink: UpsertSinkFunction<unknown>) {
    this.#sink = sink
  }

  open(): Promise<void> {
    return Promise.resolve()
  }

  write(batch: Batch): Pending {
    return this.#sink.write(batch.values) ?? undefined
  }

  async finishEpoch(): Promise<void> {
    failpoint('sink.prepare.before')
    await this.#sink.flush()
    failpoint('sink.prepare.after')
  }

  freeze(): SnapshotPart {
    return readyPart(undefined)
  }

  complete(): Pending {
    return undefined
  }

  settled(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
