// What is asked about topics: are they there, from where to where do they go, how are they set up.

import { createPartitions } from './apis/create-partitions.ts'
import { createTopics } from './apis/create-topics.ts'
import { type DescribeConfigsRequest, type DescribedConfigs, describeConfigs } from './apis/describe-configs.ts'
import { EARLIEST, LATEST, listOffsets as listOffsetsApi } from './apis/list-offsets.ts'
import { failureOf, KafkaFailure, throwIfFailed } from './failure.ts'
import type { KafkaClient, TopicInfo } from './kafka-client.ts'
import { byTopic, type TopicPartition, throwListed } from './topic-partition.ts'

const CREATE_TIMEOUT_MS = 30_000
const TOPIC_ALREADY_EXISTS = 36
const INVALID_PARTITIONS = 37

/** A topic as it is to be made where it is missing. */
export interface TopicToEnsure {
  readonly topic: string
  /** Default: the broker's. */
  readonly partitions?: number
  /** Default: the broker's. */
  readonly replication?: number
  readonly config?: Readonly<Record<string, string>>
}

/** Makes a topic unless it is there, and waits until it can be used; one that is there is left as it is. Throws KafkaFailure. */
export async function ensureTopic(client: KafkaClient, wanted: TopicToEnsure): Promise<TopicInfo> {
  const { topic } = wanted
  const what = `Creating topic "${topic}"`
  const [found] = (await client.topics([topic])).values()
  if (found === undefined) await client.retry(what, () => create(client, wanted, what))
  return client.retry(what, async () => {
    await client.leader(topic, 0)
    const info = (await client.topics([topic])).get(topic)
    if (info === undefined) throw failureOf(3, `Topic "${topic}"`)
    return info
  })
}

async function create(client: KafkaClient, wanted: TopicToEnsure, what: string): Promise<void> {
  const { topic: name, partitions = -1, replication = -1, config = {} } = wanted
  const topics = [{ name, partitions, replication, config: Object.entries(config) }]
  const request = { topics, timeoutMs: CREATE_TIMEOUT_MS, validateOnly: false }
  const answer = await client.send(await client.controller(), createTopics, request, CREATE_TIMEOUT_MS * 2)
  // Another subtask, or our own first attempt, may have been faster.
  for (const { error, message } of answer) if (error !== TOPIC_ALREADY_EXISTS) throwIfFailed(error, what, message)
}

/** Adds partitions until there are `count`, and waits until the last can be used; more are left as they are. Throws KafkaFailure. */
export async function growTopic(client: KafkaClient, topic: string, count: number): Promise<void> {
  const what = `Adding partitions to topic "${topic}"`
  await client.retry(what, async () => {
    const there = (await client.topics([topic])).get(topic)?.partitions
    if (there !== undefined && there >= count) return
    const request = { topic, count, timeoutMs: CREATE_TIMEOUT_MS }
    const answer = await client.send(await client.controller(), createPartitions, request, CREATE_TIMEOUT_MS * 2)
    // Another subtask, or our own first attempt, may have been faster.
    for (const { error, message } of answer) if (error !== INVALID_PARTITIONS) throwIfFailed(error, what, message)
  })
  await client.retry(what, () => client.leader(topic, count - 1))
}

/** A place in time to look an offset up for. */
export type OffsetTime = 'earliest' | 'latest' | { readonly timestampMs: number }

export interface OffsetAtTime {
  /** -1: no record is that late. */
  readonly offset: number
  /** Of the record at that offset; -1 for 'earliest' and 'latest'. */
  readonly timestampMs: number
}

/**
 * Offsets by `topic/partition`. 'latest' is the offset behind the last record that a reader of this isolation may see:
 * read_committed ends at the first transaction still open. Throws KafkaFailure.
 */
export async function listOffsets(
  client: KafkaClient,
  partitions: readonly TopicPartition[],
  at: OffsetTime,
  readCommitted = true,
): Promise<ReadonlyMap<string, OffsetAtTime>> {
  const timestamp = at === 'latest' ? LATEST : at === 'earliest' ? EARLIEST : at.timestampMs
  return client.retry('Looking offsets up', async () => {
    const byLeader = await groupByLeader(client, partitions)
    const answers = await Promise.all(
      [...byLeader].map(([node, wanted]) => {
        const topics = byTopic(wanted, ({ partition }) => ({ partition, timestamp }))
        return client.send(node, listOffsetsApi, { readCommitted, topics })
      }),
    )
    const listed = answers.flat()
    for (const one of listed) throwListed(client, one, 'Offsets')
    return new Map(
      listed.map(({ topic, partition, offset, timestampMs }) => [`${topic}/${partition}`, { offset, timestampMs }]),
    )
  })
}

/** Partitions by the node that leads them. Throws KafkaFailure. */
export async function groupByLeader<P extends TopicPartition>(
  client: KafkaClient,
  partitions: readonly P[],
): Promise<ReadonlyMap<number, P[]>> {
  const leaders = await Promise.all(partitions.map(({ topic, partition }) => client.leader(topic, partition)))
  const groups = new Map<number, P[]>()
  for (const [index, one] of partitions.entries()) {
    const leader = leaders[index] as number
    const group = groups.get(leader)
    if (group === undefined) groups.set(leader, [one])
    else group.push(one)
  }
  return groups
}

/** A topic's configuration by name, or these entries of it. Throws KafkaFailure. */
export function topicConfig(
  client: KafkaClient,
  name: string,
  keys: readonly string[] | null = null,
): Promise<ReadonlyMap<string, string | null>> {
  return describedConfig(client, name, keys).then(({ values }) => values)
}

/** The same, and which of it is set for this very topic rather than by the brokers for all. Throws KafkaFailure. */
export function describedConfig(
  client: KafkaClient,
  name: string,
  keys: readonly string[] | null = null,
): Promise<DescribedConfigs> {
  return configsOf(client, `Configuration of topic "${name}"`, () => ({ resource: 'topic', name, keys }))
}

/** One entry of a broker's configuration; undefined where the broker has none of this name, or the principal may not see it. */
export async function brokerConfig(client: KafkaClient, key: string): Promise<string | undefined> {
  try {
    const request = (node: number) => ({ resource: 'broker' as const, name: String(node), keys: [key] })
    const { values } = await configsOf(client, 'Configuration of a broker', request)
    return values.get(key) ?? undefined
  } catch (error) {
    if (error instanceof KafkaFailure && error.kind === 'CLUSTER_AUTHORIZATION_FAILED') return undefined
    throw error
  }
}

function configsOf(
  client: KafkaClient,
  what: string,
  requestTo: (node: number) => DescribeConfigsRequest,
): Promise<DescribedConfigs> {
  return client.retry(what, async () => {
    const node = await client.anyNode()
    const answer = await client.send(node, describeConfigs, requestTo(node))
    throwIfFailed(answer.error, what, answer.message)
    return answer
  })
}
