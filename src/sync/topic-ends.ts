// What a sync asks of its topics beside reading them.

import { KafkaClient } from '../connectors/kafka/client/kafka-client.ts'
import { listOffsets } from '../connectors/kafka/client/topics.ts'
import { type KafkaConnectionOptions, parseConnectionOptions } from '../connectors/kafka/connection.ts'
import type { RuntimeContext } from '../contract/runtime-context.ts'
import { isMillraceError, MillraceError, reasonOf } from '../errors.ts'
import type { Condition } from './late-start.ts'
import type { TopicNames } from './topic-names.ts'

/** That the sync's first job has fixed where changes begin: until then no other may read. */
export function isBegun(kafka: KafkaConnectionOptions, names: TopicNames, context: RuntimeContext): Condition {
  const isMet = (): Promise<boolean> =>
    withClient(kafka, context, async (client) => {
      if (!(await client.topics([names.control])).has(names.control)) return false
      // A transaction that was aborted moves the end on, too. Its mark was true.
      return ((await endsOf(client, [names.control])).get(names.control) ?? 0) > 0
    })
  const text = `topic "${names.control}" to say that changes are on their way: the job that writes them is to run first`
  return { isMet, text }
}

/** The offset behind the last record of each topic of the sync that is there now. */
export function topicEnds(
  kafka: KafkaConnectionOptions,
  names: TopicNames,
  context: RuntimeContext,
): Promise<ReadonlyMap<string, number>> {
  return withClient(kafka, context, async (client) => {
    const ours = [...(await client.topics()).keys()].filter((topic) => names.read(topic) !== undefined)
    return endsOf(client, ours)
  })
}

/** Of partition 0 of each: the only one. */
async function endsOf(client: KafkaClient, topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
  if (topics.length === 0) return new Map()
  const partitions = topics.map((topic) => ({ topic, partition: 0 }))
  const found = await listOffsets(client, partitions, 'latest')
  return new Map(topics.map((topic) => [topic, found.get(`${topic}/0`)?.offset ?? 0]))
}

async function withClient<T>(
  kafka: KafkaConnectionOptions,
  context: RuntimeContext,
  work: (client: KafkaClient) => Promise<T>,
): Promise<T> {
  const { clock, logger, node } = context
  let client: KafkaClient | undefined
  try {
    client = await KafkaClient.open(parseConnectionOptions(kafka, 'syncThroughKafka'), { clock, logger, name: node })
    return await work(client)
  } catch (error) {
    if (isMillraceError(error)) throw error
    throw new MillraceError('SOURCE_FAILED', { node, reason: reasonOf(error) }, error)
  } finally {
    await client?.close()
  }
}
