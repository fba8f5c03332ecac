// Offsets committed to groups that nobody joins: for those who watch, and as markers of transactions.

import { offsetCommit } from './apis/offset-commit.ts'
import { offsetFetch } from './apis/offset-fetch.ts'
import { throwIfFailed } from './failure.ts'
import type { KafkaClient } from './kafka-client.ts'
import { byTopic, type TopicPartition } from './topic-partition.ts'

export interface CommittedOffset {
  readonly offset: number
  readonly metadata: string
}

export interface OffsetToCommit extends TopicPartition {
  readonly offset: number
  /** At most 4,096 bytes, unless the broker says otherwise. */
  readonly metadata?: string
}

const COORDINATOR_NOT_AVAILABLE = 15
const NOT_COORDINATOR = 16

/**
 * What a group has committed, by `topic/partition`: of these partitions, or of all it has; absent where nothing is. A commit that a
 * transaction is just ending is waited for. Throws KafkaFailure.
 */
export async function committedOffsets(
  client: KafkaClient,
  group: string,
  partitions?: readonly TopicPartition[],
): Promise<ReadonlyMap<string, CommittedOffset>> {
  const what = `Offsets of group "${group}"`
  const topics = partitions === undefined ? null : byTopic(partitions, ({ partition }) => partition)
  return client.retry(what, async () => {
    const { error, offsets } = await client.send(await client.coordinator('group', group), offsetFetch, {
      group,
      topics,
    })
    throwCoordinated(client, group, error, what)
    for (const one of offsets) throwCoordinated(client, group, one.error, `${what} for ${one.topic}/${one.partition}`)
    const found = offsets.filter(({ offset }) => offset >= 0)
    return new Map(
      found.map(({ topic, partition, offset, metadata }) => [`${topic}/${partition}`, { offset, metadata }]),
    )
  })
}

/** Commits offsets to a group without members. Throws KafkaFailure. */
export async function commitOffsets(
  client: KafkaClient,
  group: string,
  offsets: readonly OffsetToCommit[],
): Promise<void> {
  const what = `Committing offsets of group "${group}"`
  const topics = byTopic(offsets, ({ partition, offset, metadata = '' }) => ({ partition, offset, metadata }))
  await client.retry(what, async () => {
    const answer = await client.send(await client.coordinator('group', group), offsetCommit, { group, topics })
    for (const { topic, partition, error } of answer)
      throwCoordinated(client, group, error, `${what} for ${topic}/${partition}`)
  })
}

function throwCoordinated(client: KafkaClient, group: string, error: number, what: string): void {
  if (error === COORDINATOR_NOT_AVAILABLE || error === NOT_COORDINATOR) client.staleCoordinator('group', group)
  throwIfFailed(error, what)
}
