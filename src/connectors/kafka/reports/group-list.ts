import { listGroups } from '../client/apis/list-groups.ts'
import { throwIfFailed } from '../client/failure.ts'
import { type CommittedOffset, committedOffsets } from '../client/group-offsets.ts'
import type { KafkaClient } from '../client/kafka-client.ts'
import type { TopicPartition } from '../client/topic-partition.ts'
import { fromAllNodes } from './report-client.ts'

/** Groups asked for their offsets at once. */
const AT_ONCE = 16

/** An offset that a group has committed. */
export interface GroupOffset extends TopicPartition, CommittedOffset {
  readonly group: string
}

/** All groups that the principal may see, in order. Throws KafkaFailure. */
export async function allGroups(client: KafkaClient): Promise<string[]> {
  const lists = await fromAllNodes(client, 'Listing groups', async (node) => {
    const { error, groups } = await client.send(node, listGroups, {})
    throwIfFailed(error, 'Listing groups')
    return groups
  })
  return lists.flat().sort()
}

/** All that these groups have committed. Throws KafkaFailure. */
export async function offsetsOf(client: KafkaClient, groups: readonly string[]): Promise<GroupOffset[]> {
  const found: GroupOffset[] = []
  for (let at = 0; at < groups.length; at += AT_ONCE) {
    const some = groups.slice(at, at + AT_ONCE)
    const offsets = await Promise.all(some.map((group) => committedOffsets(client, group)))
    for (const [index, group] of some.entries())
      for (const [place, committed] of offsets[index] ?? []) found.push({ group, ...placeOf(place), ...committed })
  }
  return found
}

/** A topic's name has no slash. */
function placeOf(text: string): TopicPartition {
  const [topic = '', partition] = text.split('/')
  return { topic, partition: Number(partition) }
}
