// What sinks of both deliveries are made of, and what is looked at before they begin.

import type { Logger, RuntimeContext } from '../../../contract/runtime-context.ts'
import { MillraceError } from '../../../errors.ts'
import { initProducerId, type ProducerIdentity } from '../client/apis/init-producer-id.ts'
import { KafkaFailure, throwIfFailed } from '../client/failure.ts'
import { KafkaClient } from '../client/kafka-client.ts'
import { brokerRelease } from '../client/preflight.ts'
import { brokerConfig, ensureTopic } from '../client/topics.ts'
import { openWriteCodec } from '../records/codecs.ts'
import type { BatchQueueOptions } from './batch-queue.ts'
import type { SinkSettings } from './options.ts'
import { RecordRouter } from './record-router.ts'
import { SinkTopics } from './sink-topics.ts'
import type { Retry } from './transactional-producer.ts'

const TIMEOUT_MS = 900_000
const MARKER_TOPIC = 'millrace-markers'

export class SinkParts<T> {
  readonly client: KafkaClient
  readonly router: RecordRouter<T>
  readonly retry: Retry
  readonly queueOptions: Omit<BatchQueueOptions, 'transactionalId'>
  readonly #settings: SinkSettings<T>
  readonly #topics: SinkTopics
  readonly #node: string
  readonly #logger: Logger

  private constructor(client: KafkaClient, settings: SinkSettings<T>, context: RuntimeContext) {
    const { node, clock } = context
    const { create, metadataMaxAgeMs, compression, batchBytes, bufferBytes, lingerMs, connection } = settings
    this.client = client
    this.#settings = settings
    this.#node = node
    this.#logger = context.logger
    this.#topics = new SinkTopics({ client, clock, node, create, metadataMaxAgeMs })
    this.router = new RecordRouter(context, settings.shape, this.#topics)
    this.retry = countedRetry(client, context)
    const { requestTimeoutMs } = connection
    const sizes = { compression, batchBytes, bufferBytes, lingerMs, requestTimeoutMs }
    this.queueOptions = { ...sizes, client, clock, retry: this.retry }
  }

  /** Connected, the format open, the one topic there. Throws SINK_FAILED, KafkaFailure. */
  static async open<T>(settings: SinkSettings<T>, context: RuntimeContext): Promise<SinkParts<T>> {
    await openWriteCodec(settings.compression, 'kafkaSink')
    await settings.shape.format?.open?.()
    const { clock, logger, node } = context
    const client = await KafkaClient.open(settings.connection, { clock, logger, name: node })
    const parts = new SinkParts(client, settings, context)
    try {
      if (settings.fixedTopic !== undefined) await parts.#topics.look(settings.fixedTopic)
      return parts
    } catch (error) {
      await client.close()
      throw error
    }
  }

  close(): Promise<void> {
    return this.client.close()
  }

  /** Warns of a release on which transactions are not what they should be. Throws KafkaFailure. */
  async checkRelease(): Promise<void> {
    const warning = releaseWarning(await brokerRelease(this.client))
    if (warning !== undefined) this.#logger.warn(warning)
  }

  /** What was asked for, if the broker allows it. Throws SINK_FAILED, KafkaFailure. */
  async transactionTimeoutMs(): Promise<number> {
    const wanted = this.#settings.transactionTimeoutMs
    const most = Number((await brokerConfig(this.client, 'transaction.max.timeout.ms')) ?? Number.NaN)
    if (wanted === undefined) return Math.min(TIMEOUT_MS, Number.isNaN(most) ? TIMEOUT_MS : most)
    if (!(wanted > most)) return wanted
    const reason = `transactionTimeoutMs is ${wanted}, and the broker's transaction.max.timeout.ms ${most}: lower the one or raise the other`
    throw new MillraceError('SINK_FAILED', { node: this.#node, reason })
  }

  /** The topic that markers are offsets of; made if it is not there. Throws SINK_FAILED, KafkaFailure. */
  async markerTopic(): Promise<string> {
    const { markerTopic, fixedTopic } = this.#settings
    const topic = markerTopic ?? fixedTopic ?? MARKER_TOPIC
    await ensureTopic(this.client, { topic, partitions: 1 })
    // As for every committed offset. The topic itself is not written to.
    await this.#topics.allowed(topic, 'Read')
    return topic
  }

  /** A new idempotent producer outside of transactions. Throws KafkaFailure. */
  producerId(): Promise<ProducerIdentity> {
    const what = 'Asking for a producer id'
    return this.retry(what, async () => {
      const request = { transactionalId: null, transactionTimeoutMs: 0, producerId: -1, producerEpoch: -1 }
      const { code, id, epoch } = await this.client.send(await this.client.anyNode(), initProducerId, request)
      throwIfFailed(code, what)
      return { id, epoch }
    })
  }
}

/** What is to be known of a release line's transactions; undefined if nothing. */
export function releaseWarning(release: string | undefined): string | undefined {
  if (release !== '4.3') return undefined
  return 'the brokers are of Kafka 4.3: 4.3.1 was seen to lose committed markers when a broker without replicas was killed; an epoch may then be written twice. Prefer 4.2'
}

/** What went wrong with the cluster, as the sink's failure; anything else as it is. */
export function sinkFailure(node: string, error: unknown): unknown {
  return error instanceof KafkaFailure
    ? new MillraceError('SINK_FAILED', { node, reason: error.message }, error)
    : error
}

function countedRetry(client: KafkaClient, { metrics }: RuntimeContext): Retry {
  const retries = metrics.counter('sinkRetries')
  return (what, work) => {
    let isFirst = true
    return client.retry(what, () => {
      if (!isFirst) retries.add()
      isFirst = false
      return work()
    })
  }
}
