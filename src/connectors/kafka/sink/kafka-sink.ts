// kafkaSink: exactly once, epoch by epoch, or at least once, as it comes.

import type { RuntimeContext } from '../../../contract/runtime-context.ts'
import {
  type DeliveryGuarantee,
  EpochSinkFunction,
  type RichSinkFunction,
  UpsertSinkFunction,
} from '../../../contract/sink-function.ts'
import type { WriteFormat, WrittenRecord } from '../formats/format.ts'
import { BatchQueue } from './batch-queue.ts'
import { EpochWriter } from './epoch-writer.ts'
import { transactionalIdOf } from './marker.ts'
import { type KafkaSinkOptions, parseSinkOptions, type SinkSettings } from './options.ts'
import { SinkParts, sinkFailure } from './sink-parts.ts'

/** Records to topics. Values are records ({ key, value, headers, … }), or what `format` makes records of. Throws CONNECTOR_OPTION. */
export function kafkaSink<T>(options: KafkaSinkOptions<T> & { readonly format: WriteFormat<T> }): RichSinkFunction<T>
export function kafkaSink<T extends WrittenRecord>(options: KafkaSinkOptions<T>): RichSinkFunction<T>
export function kafkaSink<T>(options: KafkaSinkOptions<T>): RichSinkFunction<T> {
  const settings = parseSinkOptions(options)
  return settings.delivery === 'exactly-once' ? new TransactionalSink(settings) : new IdempotentSink(settings)
}

/** One transaction for each epoch and writer. */
class TransactionalSink<T> extends EpochSinkFunction<T> {
  readonly #settings: SinkSettings<T>
  #context!: RuntimeContext
  #parts: SinkParts<T> | undefined
  #place = { markerTopic: '', timeoutMs: 0 }
  readonly #writers = new Map<string, EpochWriter<T>>()

  constructor(settings: SinkSettings<T>) {
    super()
    this.#settings = settings
  }

  override async open(context: RuntimeContext): Promise<void> {
    this.#context = context
    await guarded(context, async () => {
      const parts = await SinkParts.open(this.#settings, context)
      this.#parts = parts
      await parts.checkRelease()
      this.#place = { timeoutMs: await parts.transactionTimeoutMs(), markerTopic: await parts.markerTopic() }
    })
  }

  async lastEpoch(writer: string, isRestored: boolean): Promise<number> {
    return (await this.#open(writer, isRestored)).lastEpoch
  }

  async apply(writer: string, epoch: number, batches: AsyncIterable<readonly T[]>): Promise<void> {
    const known = this.#writers.get(writer) ?? (await this.#open(writer, false))
    await known.apply(epoch, batches)
  }

  override async close(): Promise<void> {
    await this.#parts?.close()
    for (const writer of this.#writers.values()) await writer.close()
  }

  async #open(writer: string, isRestored: boolean): Promise<EpochWriter<T>> {
    const parts = this.#parts as SinkParts<T>
    const { markerTopic, timeoutMs } = this.#place
    const groupId = transactionalIdOf(this.#settings.transactionalIdPrefix, writer)
    const opened = await EpochWriter.open(
      {
        context: this.#context,
        client: parts.client,
        router: parts.router,
        place: { node: this.#context.node, writer, groupId, topic: markerTopic },
        timeoutMs,
        retry: parts.retry,
        queue: parts.queueOptions,
      },
      isRestored,
    )
    this.#writers.set(writer, opened)
    return opened
  }
}

/** As it comes, by an idempotent producer. */
class IdempotentSink<T> extends UpsertSinkFunction<T> {
  override readonly guarantee: DeliveryGuarantee = 'at-least-once'
  readonly #settings: SinkSettings<T>
  #context!: RuntimeContext
  #parts: SinkParts<T> | undefined
  #queue!: BatchQueue

  constructor(settings: SinkSettings<T>) {
    super()
    this.#settings = settings
  }

  override async open(context: RuntimeContext): Promise<void> {
    this.#context = context
    await guarded(context, async () => {
      const parts = await SinkParts.open(this.#settings, context)
      this.#parts = parts
      const renew = () => parts.producerId()
      this.#queue = new BatchQueue(await renew(), { ...parts.queueOptions, transactionalId: null, renew })
    })
  }

  async write(records: readonly T[]): Promise<void> {
    await guarded(this.#context, () => (this.#parts as SinkParts<T>).router.write(records, this.#queue))
  }

  async flush(): Promise<void> {
    await guarded(this.#context, () => this.#queue.flush())
  }

  override async close(): Promise<void> {
    await this.#parts?.close()
    await this.#queue?.abandon(new Error('the sink was closed'))
  }
}

/** Failures as SINK_FAILED of this node. */
async function guarded(context: RuntimeContext, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    throw sinkFailure(context.node, error)
  }
}
