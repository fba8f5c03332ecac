// EpochWriter: the epochs of one writer, each in one transaction that also commits its marker.
//
// Owns: the writer's producer and queue, and the last epoch known to be in.
// Does not own: which epochs are to be written (the machine), the client.
//
// I1. The marker is read after a predecessor was fenced and its transaction ended: nothing can change it behind our back.
// I2. A marker is registered before the first epoch, so that a lost one is told from none; in a transaction, as every change of it:
//     a zombie cannot set it back.
// I3. After a failure nothing is sent under the old epoch of the producer: what became of the transaction is settled, then the marker
//     is read, and the epoch is written again only if it is not in.

import type { RuntimeContext } from '../../../contract/runtime-context.ts'
import { isMillraceError, MillraceError, reasonOf } from '../../../errors.ts'
import { failpoint } from '../../../util/failpoint.ts'
import { KafkaFailure } from '../client/failure.ts'
import type { KafkaClient } from '../client/kafka-client.ts'
import { BatchQueue, type BatchQueueOptions } from './batch-queue.ts'
import { type MarkerPlace, markerOf, readMarker } from './marker.ts'
import type { RecordRouter } from './record-router.ts'
import { isFenced, isWorthAnother, type Retry, TransactionalProducer } from './transactional-producer.ts'

export interface EpochWriterOptions<T> {
  readonly context: RuntimeContext
  readonly client: KafkaClient
  readonly router: RecordRouter<T>
  readonly place: MarkerPlace
  readonly timeoutMs: number
  readonly retry: Retry
  readonly queue: Omit<BatchQueueOptions, 'transactionalId' | 'enlist'>
}

/** How often a transaction is begun in all before it is left to a restart. */
const ATTEMPTS_MAX = 5

export class EpochWriter<T> {
  readonly #options: EpochWriterOptions<T>
  readonly #producer: TransactionalProducer
  #queue: BatchQueue | undefined
  /** The last epoch known to be in; undefined while there is no marker. */
  #marker: number | undefined
  /** When the open transaction was begun. */
  #beganMs = 0

  private constructor(options: EpochWriterOptions<T>) {
    const { client, place, timeoutMs, retry } = options
    this.#options = options
    this.#producer = new TransactionalProducer({ client, transactionalId: place.groupId, timeoutMs, retry })
  }

  /** Fences who wrote before, and reads the marker. Throws SINK_FAILED. */
  static async open<T>(options: EpochWriterOptions<T>, isRestored: boolean): Promise<EpochWriter<T>> {
    const writer = new EpochWriter(options)
    try {
      await writer.#producer.init()
      writer.#marker = await readMarker(options.client, options.place)
    } catch (error) {
      throw writer.#failure(error)
    }
    if (writer.#marker === undefined && isRestored) throw writer.#markerLost()
    await writer.#bringIn('the marker is registered again', -1, () => writer.#commit(-1, 0))
    return writer
  }

  /** The last epoch that is in, -1 if none. */
  get lastEpoch(): number {
    return this.#marker ?? -1
  }

  /** Writes the epoch unless it is in. Throws SINK_FAILED, or what the batches threw. */
  apply(epoch: number, batches: AsyncIterable<readonly T[]>): Promise<void> {
    return this.#bringIn(`epoch ${epoch} is written again`, epoch, () => this.#write(epoch, batches))
  }

  /** Does the work, over again while that may help, until the marker is there and at the epoch. */
  async #bringIn(again: string, epoch: number, work: () => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#settle()
        if (this.#marker !== undefined && this.#marker >= epoch) return
        this.#beganMs = this.#options.context.clock.monotonic()
        await work()
        return
      } catch (error) {
        await this.#queue?.abandon(error)
        this.#queue = undefined
        this.#producer.breakOff()
        if (attempt === ATTEMPTS_MAX || !isWorthAnother(error)) {
          if (!(error instanceof KafkaFailure && error.retriable)) await this.#producer.abort()
          throw this.#failure(error)
        }
        this.#options.context.logger.warn(`${again}: ${reasonOf(error)}`)
      }
    }
  }

  /** Stops what is under way. */
  async close(): Promise<void> {
    await this.#queue?.abandon(new Error('the sink was closed'))
  }

  /** Finds out what became of a transaction that broke off. */
  async #settle(): Promise<void> {
    const { state } = this.#producer
    const { client, place } = this.#options
    if (state === 'fenced') {
      const reason = `another producer has taken the transactional id "${place.groupId}"`
      throw new MillraceError('SINK_FAILED', { node: place.node, reason })
    }
    if (state === 'ready') return
    await this.#producer.recover()
    // A marker that this producer has seen and that is gone within moments was none of the epoch in question.
    this.#marker = (await readMarker(client, place)) ?? this.#marker
  }

  async #write(epoch: number, batches: AsyncIterable<readonly T[]>): Promise<void> {
    const { context, router, timeoutMs } = this.#options
    const { clock, logger } = context
    this.#queue ??= this.#newQueue()
    let records = 0
    for await (const values of batches) {
      await router.write(values, this.#queue)
      records += values.length
    }
    await this.#queue.flush()
    failpoint('kafka.txn.sent')
    await this.#commit(epoch, records)
    const tookMs = Math.round(clock.monotonic() - this.#beganMs)
    if (tookMs > timeoutMs / 3)
      logger.warn(
        `writing epoch ${epoch} took ${tookMs} ms of the ${timeoutMs} ms after which the broker aborts a transaction: raise transactionTimeoutMs, or checkpoint more often`,
      )
  }

  async #commit(epoch: number, records: number): Promise<void> {
    const { place, context } = this.#options
    const at = new Date(context.clock.now()).toISOString()
    await this.#producer.commitOffset(markerOf(place, { epoch, records, at }))
    failpoint('kafka.marker.sent')
    failpoint('kafka.commit.before')
    await this.#producer.commit()
    this.#marker = epoch
    failpoint('kafka.commit.after')
  }

  #newQueue(): BatchQueue {
    const { queue, place } = this.#options
    return new BatchQueue(this.#producer.identity, {
      ...queue,
      transactionalId: place.groupId,
      enlist: (partitions) => this.#producer.enlist(partitions),
    })
  }

  #markerLost(): MillraceError {
    const { node, groupId, topic } = this.#options.place
    const set = `kafka-consumer-groups --reset-offsets --group ${groupId} --topic ${topic}:0 --to-offset N`
    const reason = `its marker is gone: group "${groupId}" has no offset for partition 0 of topic "${topic}" (deleted, or expired by offsets.retention.minutes). Whether the last epoch is in the topics cannot be known. Look there, then set the marker to the number of the last epoch that is in plus one (${set} --execute), or start with --fresh`
    return new MillraceError('SINK_FAILED', { node, reason })
  }

  #failure(error: unknown): unknown {
    const { place, context, timeoutMs } = this.#options
    if (isMillraceError(error) || !(error instanceof KafkaFailure || isWorthAnother(error))) return error
    const { node, groupId } = place
    if (!isFenced(error)) return new MillraceError('SINK_FAILED', { node, reason: reasonOf(error) }, error)
    const tookMs = Math.round(context.clock.monotonic() - this.#beganMs)
    const reason = `another producer has taken the transactional id "${groupId}", or the broker has aborted the transaction (it was open for ${tookMs} ms; transactionTimeoutMs is ${timeoutMs}): ${error.message}`
    return new MillraceError('SINK_FAILED', { node, reason }, error)
  }
}
