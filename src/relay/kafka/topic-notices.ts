// What is said about a topic of the source before its records.

import { KafkaFailure } from '../../connectors/kafka/client/failure.ts'
import type { KafkaClient } from '../../connectors/kafka/client/kafka-client.ts'
import { describedConfig } from '../../connectors/kafka/client/topics.ts'
import type { TopicNotice } from './relayed-kafka.ts'

/** Topics asked about at once. */
const AT_ONCE = 16
const RECORD_BYTES = 'max.message.bytes'

/**
 * What a copy is to have as its original has it: how large records may be, and, where that is set for the topic itself, how long they stay.
 * Where and how they are kept (segments, replicas in sync, throttles, elections, compression) is the target's own affair.
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
/** What a record may be longer by there, for the headers that say where it comes from. */
const ORIGIN_BYTES_MAX = 16 << 10
const INT32_MAX = 0x7fff_ffff

/** What of a topic's configuration, as another site has told it, a copy is to have. */
export function configOfCopy(told: Readonly<Record<string, string>>): Record<string, string> {
  const config = Object.fromEntries(Object.entries(told).filter(([key]) => COPIED.has(key)))
  const bytes = Number(config[RECORD_BYTES])
  if (bytes > 0) config[RECORD_BYTES] = String(Math.min(bytes + ORIGIN_BYTES_MAX, INT32_MAX))
  return config
}

/** Topics as they are now, in order of their names; `partitions` are those that there are at least. Throws KafkaFailure. */
export async function topicNotices(
  client: KafkaClient,
  partitions: ReadonlyMap<string, number>,
): Promise<TopicNotice[]> {
  const names = [...partitions.keys()].sort()
  const found = await client.topics(names)
  const notices: TopicNotice[] = []
  for (let at = 0; at < names.length; at += AT_ONCE) {
    const some = names.slice(at, at + AT_ONCE)
    const configs = await Promise.all(some.map((topic) => configOf(client, topic)))
    for (const [index, topic] of some.entries()) {
      // A broker may not have heard of the last ones yet.
      const size = Math.max(found.get(topic)?.partitions ?? 0, partitions.get(topic) ?? 0)
      notices.push({ kind: 'topic', topic, partitions: size, config: configs[index] ?? {} })
    }
  }
  return notices
}

/** Nothing where the principal may not see it: then the target's defaults apply. */
async function configOf(client: KafkaClient, topic: string): Promise<Record<string, string>> {
  try {
    const { values, own } = await describedConfig(client, topic, [...COPIED])
    const config: Record<string, string> = {}
    for (const [key, value] of values) if (value !== null && (own.has(key) || key === RECORD_BYTES)) config[key] = value
    return config
  } catch (error) {
    if (error instanceof KafkaFailure && error.kind === 'TOPIC_AUTHORIZATION_FAILED') return {}
    throw error
  }
}
