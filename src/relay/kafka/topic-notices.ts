// What is said about a topic of the source before its records.

import { KafkaFailure } from '../../connectors/kafka/client/failure.ts'
import type { KafkaClient } from '../../connectors/kafka/client/kafka-client.ts'
import { ownTopicConfig, topicConfig } from '../../connectors/kafka/client/topics.ts'
import type { TopicNotice } from './relayed-kafka.ts'

const RECORD_BYTES = 'max.message.bytes'

/**
 * What a copy is to have as its original has it, where that is set for the topic itself: how long records stay, and how large they may be. Where and how they are
 * kept (segments, replicas in sync, throttles, elections, compression, time stamps) is the target's own affair.
 */
const COPIED: ReadonlySet<string> = new Set([
  RECORD_BYTES,
  'cleanup.policy',
  'retention.ms',
  'retention.bytes',
  'delete.retention.ms',
  'min.compaction.lag.ms',
  'max.compaction.lag.ms',
])
/** What brokers take unless they are told otherwise. */
const RECORD_BYTES_DEFAULT = 1_048_588

/** What of a topic's configuration a copy is to have. */
export function copiedConfig(config: Iterable<readonly [key: string, value: string | null]>): Record<string, string> {
  const copied: Record<string, string> = {}
  for (const [key, value] of config) if (COPIED.has(key) && value !== null) copied[key] = value
  return copied
}

/** Topics as they are now, in order of their names; `partitions` are those that there are at least. Throws KafkaFailure. */
export async function topicNotices(
  client: KafkaClient,
  partitions: ReadonlyMap<string, number>,
): Promise<TopicNotice[]> {
  const names = [...partitions.keys()].sort()
  const found = await client.topics(names)
  const configs = await Promise.all(names.map((topic) => configOf(client, topic)))
  return names.map((topic, index) => ({
    kind: 'topic',
    topic,
    // A broker may not have heard of the last ones yet.
    partitions: Math.max(found.get(topic)?.partitions ?? 0, partitions.get(topic) ?? 0),
    config: configs[index] ?? {},
  }))
}

/** Nothing where the principal may not see it: then the target's defaults apply. */
async function configOf(client: KafkaClient, topic: string): Promise<Record<string, string>> {
  try {
    const config = copiedConfig(await ownTopicConfig(client, topic))
    // Whoever says it, for records as large as they are here must fit in there.
    const bytes = (await topicConfig(client, topic, [RECORD_BYTES])).get(RECORD_BYTES)
    if (Number(bytes) > RECORD_BYTES_DEFAULT) config[RECORD_BYTES] = String(bytes)
    return config
  } catch (error) {
    if (error instanceof KafkaFailure && error.kind === 'TOPIC_AUTHORIZATION_FAILED') return {}
    throw error
  }
}
