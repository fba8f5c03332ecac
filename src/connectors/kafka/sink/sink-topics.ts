// SinkTopics: what is known of the topics that a sink writes to.
//
// Owns: how many partitions each had when it was last looked at.
// Does not own: batches (batch-queue).

import { MillraceError } from '../../../errors.ts'
import type { Clock } from '../../../util/clock.ts'
import { KafkaFailure } from '../client/failure.ts'
import type { KafkaClient } from '../client/kafka-client.ts'
import { type Operation, topicOperations } from '../client/preflight.ts'
import { ensureTopic, topicConfig } from '../client/topics.ts'
import type { BatchQueue } from './batch-queue.ts'
import { topicNameFault } from './topic-names.ts'
import type { TopicQueue } from './topic-queue.ts'

/** How a missing topic is made. */
export interface TopicCreation {
  /** Default: the broker's. */
  readonly partitions?: number
  /** Copies of each partition. Default: the broker's. */
  readonly replication?: number
  /** Such as { 'cleanup.policy': 'compact' }. */
  readonly config?: Readonly<Record<string, string>>
}

export interface SinkTopicsOptions {
  readonly client: KafkaClient
  readonly clock: Clock
  readonly node: string
  readonly create: TopicCreation | undefined
  readonly metadataMaxAgeMs: number
}

interface KnownTopic {
  partitions: number
  readonly batchBytesMax: number
}

/** What brokers take by default, where the topic's configuration may not be seen. */
const MESSAGE_BYTES_MAX = 1_048_588
/** Of what the broker takes: what does not compress gets a little larger. */
const FILLED = 0.9

export class SinkTopics {
  readonly #options: SinkTopicsOptions
  readonly #known = new Map<string, KnownTopic>()
  #lookedAtMs: number

  constructor(options: SinkTopicsOptions) {
    this.#options = options
    this.#lookedAtMs = options.clock.monotonic()
  }

  /** Makes sure that a topic is there and may be written to. Throws SINK_FAILED, KafkaFailure. */
  async look(name: string): Promise<void> {
    if (!this.#known.has(name)) this.#known.set(name, await this.#find(name))
  }

  /** The topic's part of the queue. Throws SINK_FAILED, KafkaFailure. */
  async open(queue: BatchQueue, name: string): Promise<TopicQueue> {
    await this.look(name)
    const { partitions, batchBytesMax } = this.#known.get(name) as KnownTopic
    return queue.addTopic(name, partitions, batchBytesMax)
  }

  /** Looks for added partitions, if that was long ago: keys go by the new number from then on. */
  refresh(queue: BatchQueue): void | Promise<void> {
    const { clock, metadataMaxAgeMs } = this.#options
    if (clock.monotonic() - this.#lookedAtMs >= metadataMaxAgeMs) return this.lookAgain(queue)
  }

  /** Looks for added partitions now. Throws KafkaFailure. */
  async lookAgain(queue: BatchQueue): Promise<void> {
    const { client, clock } = this.#options
    this.#lookedAtMs = clock.monotonic()
    for (const { name, partitions } of (await client.topics([...this.#known.keys()])).values()) {
      const known = this.#known.get(name)
      if (known === undefined) continue
      known.partitions = Math.max(known.partitions, partitions)
      queue.topic(name)?.grow(known.partitions)
    }
  }

  async #find(name: string): Promise<KnownTopic> {
    const { client, create } = this.#options
    const fault = topicNameFault(name)
    if (fault !== undefined) throw this.#failure(`"${name}" cannot be the name of a topic: ${fault}`)
    const found = (await client.topics([name])).get(name)
    if (found === undefined && create === undefined)
      throw this.#failure(`there is no topic "${name}": make it, or let the sink make it with the option create`)
    const { partitions } = found ?? (await ensureTopic(client, { topic: name, ...create }))
    await this.allowed(name, 'Write')
    return { partitions, batchBytesMax: await batchBytesMax(client, name) }
  }

  /** Throws SINK_FAILED unless the principal has this right. */
  async allowed(name: string, operation: Operation): Promise<void> {
    const operations = (await topicOperations(this.#options.client, [name])).get(name)
    if (operations?.has(operation) === false)
      throw this.#failure(`the principal lacks the ACL ${operation} on topic "${name}"`)
  }

  #failure(reason: string): MillraceError {
    return new MillraceError('SINK_FAILED', { node: this.#options.node, reason })
  }
}

/** Writing does not need the right to see configurations. */
async function batchBytesMax(client: KafkaClient, topic: string): Promise<number> {
  try {
    const config = await topicConfig(client, topic, ['max.message.bytes'])
    return Math.floor(Number(config.get('max.message.bytes') ?? MESSAGE_BYTES_MAX) * FILLED)
  } catch (error) {
    if (error instanceof KafkaFailure && error.kind === 'TOPIC_AUTHORIZATION_FAILED') return MESSAGE_BYTES_MAX * FILLED
    throw error
  }
}
