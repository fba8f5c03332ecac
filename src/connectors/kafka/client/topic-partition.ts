import { failureOf } from './failure.ts'
import type { KafkaClient } from './kafka-client.ts'

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** Partitions gathered under their topics, as requests name them. */
export function byTopic<P extends TopicPartition, T>(
  partitions: readonly P[],
  part: (one: P) => T,
): { readonly name: string; readonly partitions: T[] }[] {
  const topics = new Map<string, T[]>()
  for (const one of partitions) {
    const known = topics.get(one.topic)
    if (known === undefined) topics.set(one.topic, [part(one)])
    else known.push(part(one))
  }
  return [...topics].map(([name, parts]) => ({ name, partitions: parts }))
}

interface Listed extends TopicPartition {
  readonly error: number
  readonly message?: string | null
}

/** Throws the failure of one partition's part of an answer, and forgets the topic's leaders, which may be why it failed. */
export function throwListed(client: KafkaClient, { topic, partition, error, message }: Listed, what: string): void {
  if (error === 0) return
  client.stale(topic)
  throw failureOf(error, `${what} of ${topic}/${partition}`, message)
}
