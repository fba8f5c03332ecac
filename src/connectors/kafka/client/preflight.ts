// What can be known of a cluster before a job relies on it.

import type { KafkaClient } from './kafka-client.ts'

/** Operations that ACLs allow, by the bit that stands for each. */
const OPERATIONS = {
  Read: 3,
  Write: 4,
  Create: 5,
  Delete: 6,
  Alter: 7,
  Describe: 8,
  ClusterAction: 9,
  DescribeConfigs: 10,
  AlterConfigs: 11,
  IdempotentWrite: 12,
} as const

export type Operation = keyof typeof OPERATIONS

/** What the principal may do with topics that exist, by name. Throws KafkaFailure, also where it may not even see one. */
export async function topicOperations(
  client: KafkaClient,
  topics: readonly string[],
): Promise<ReadonlyMap<string, ReadonlySet<Operation>>> {
  const found = await client.topicMetadata(topics, true)
  return new Map(found.map(({ name, operations }) => [name, operationsOf(operations)]))
}

function operationsOf(bits: number): ReadonlySet<Operation> {
  const names = Object.keys(OPERATIONS) as Operation[]
  return new Set(names.filter((name) => (bits & (1 << OPERATIONS[name])) !== 0))
}

/** The first level of `metadata.version` that each release line has. */
const RELEASES: readonly (readonly [level: number, release: string])[] = [
  [31, '4.4'],
  [30, '4.3'],
  [28, '4.2'],
  [26, '4.1'],
  [22, '4.0'],
  [21, '3.9'],
  [20, '3.8'],
  [15, '3.7'],
  [12, '3.6'],
  [9, '3.5'],
  [8, '3.4'],
  [4, '3.3'],
]

/** Which release line a broker is of, such as `4.2`; undefined for brokers before 3.3 and without KRaft, and such as are no Kafka. */
export async function brokerRelease(client: KafkaClient): Promise<string | undefined> {
  const features = await client.retry('Broker version', async () => client.features(await client.anyNode()))
  const level = features.get('metadata.version')?.max ?? 0
  return RELEASES.find(([first]) => level >= first)?.[1]
}
