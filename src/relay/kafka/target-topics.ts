// TargetTopics: topics of the target, made and extended as those of the source are said to be.
//
// Owns: which were seen, with how many partitions at least. Does not own: writing to them (kafkaSink), their names (renaming is done before).
//
// I1. prepare() returns when the topic has the partitions that its notice says, or more: then records of all of them can be written.
// I2. A topic that is there keeps its configuration, and the partitions that it has more.

import type { KafkaClient } from '../../connectors/kafka/client/kafka-client.ts'
import { ensureTopic, growTopic } from '../../connectors/kafka/client/topics.ts'
import type { Logger } from '../../contract/runtime-context.ts'
import { MillraceError } from '../../errors.ts'

/** How topics are made. */
export interface TargetTopicCreation {
  /** Copies of each partition. Default: the broker's. */
  readonly replication?: number
  /** Beside, and before, what the source's topic is set to. */
  readonly config?: Readonly<Record<string, string>>
}

export interface TargetTopicsOptions {
  readonly client: KafkaClient
  readonly logger: Logger
  readonly node: string
  /** Undefined: none are made. */
  readonly create: TargetTopicCreation | undefined
}

export interface WantedTopic {
  readonly topic: string
  readonly partitions: number
  readonly config: Readonly<Record<string, string>>
}

/** Records keep their times, whatever the brokers do by default. */
const KEPT = { 'message.timestamp.type': 'CreateTime' }

export class TargetTopics {
  readonly #options: TargetTopicsOptions
  readonly #sizes = new Map<string, number>()

  constructor(options: TargetTopicsOptions) {
    this.#options = options
  }

  /** See I1. Throws SINK_FAILED, KafkaFailure. */
  async prepare(wanted: WantedTopic): Promise<void> {
    const { topic, partitions } = wanted
    if ((this.#sizes.get(topic) ?? 0) >= partitions) return
    const { client, create } = this.#options
    const there = (await client.topics([topic])).get(topic)?.partitions ?? 0
    if (there < partitions) {
      if (create === undefined) throw this.#lacking(topic, there, partitions)
      await this.#make(wanted, create, there)
    }
    this.#sizes.set(topic, Math.max(there, partitions))
  }

  async #make({ topic, partitions, config }: WantedTopic, create: TargetTopicCreation, there: number): Promise<void> {
    const { client, logger } = this.#options
    // One that others make meanwhile may have fewer.
    const made = there > 0 ? there : (await ensureTopic(client, toEnsure())).partitions
    if (made < partitions) await growTopic(client, topic, partitions)
    logger.info(there > 0 ? 'partitions were added' : 'a topic was made', { topic, partitions })

    function toEnsure() {
      const { replication } = create
      return {
        topic,
        partitions,
        config: { ...KEPT, ...config, ...create.config },
        ...(replication !== undefined && { replication }),
      }
    }
  }

  #lacking(topic: string, there: number, partitions: number): MillraceError {
    const { node } = this.#options
    const is = there === 0 ? `there is no topic "${topic}" for` : `topic "${topic}" has ${there} of`
    const reason = `${is} the ${partitions} partitions of the source's: make them, or let the sink do it with the option create`
    return new MillraceError('SINK_FAILED', { node, reason })
  }
}
