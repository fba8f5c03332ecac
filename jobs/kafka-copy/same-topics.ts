// The topics of a copy: made with as many partitions as those they are of.

import { type Admin, Kafka, type KafkaConfig, logLevel } from 'kafkajs'
import { type Collector, type ProcessContext, ProcessFunction, type RuntimeContext } from 'millrace'
import { tablePattern } from 'millrace/connectors/cdc'
import type { KafkaConnectionOptions, KafkaRecord } from 'millrace/connectors/kafka'

/** A cluster as source and sink take it. */
export interface Cluster extends KafkaConnectionOptions {
  readonly brokers: readonly string[]
  readonly sasl?: { readonly mechanism: 'scram-sha-512'; readonly username: string; readonly passwordEnv: string }
  readonly ssl?: true
}

/** Where a cluster is and who asks; without a user name, nobody says. */
export function clusterOf(
  brokers: readonly string[],
  { username, passwordEnv, tls }: { readonly username: string; readonly passwordEnv: string; readonly tls: boolean },
): Cluster {
  const sasl = { mechanism: 'scram-sha-512', username, passwordEnv } as const
  return { brokers, ...(username === '' ? {} : { sasl }), ...(tls ? { ssl: true } : {}) }
}

/** What a copy reads and writes. */
export interface Copy {
  readonly from: Cluster
  readonly to: Cluster
  readonly topics: readonly string[]
  readonly prefix: string
}

/** Passes records on as they are. When it opens, which is before the first of them, the topics are made that they go to. */
export class SameTopics extends ProcessFunction<KafkaRecord, KafkaRecord> {
  readonly #copy: Copy

  constructor(copy: Copy) {
    super()
    this.#copy = copy
  }

  override async open({ subtask }: RuntimeContext): Promise<void> {
    if (subtask !== 0) return
    const { from, to, topics, prefix } = this.#copy
    const isMeant = tablePattern(topics, 'kafka-copy')
    const sizes = await withAdmin(from, async (admin) => {
      // Internal topics begin so: offsets and transactions of groups are not to be copied.
      const names = (await admin.listTopics()).filter((name) => !name.startsWith('__') && isMeant(name))
      return names.length === 0 ? [] : await sizesOf(admin, names)
    })
    await withAdmin(to, (admin) =>
      makeTopics(
        admin,
        sizes.map(([name, size]) => [`${prefix}${name}`, size]),
      ),
    )
  }

  override process(record: KafkaRecord, _context: ProcessContext, out: Collector<KafkaRecord>): void {
    out.emit(record)
  }
}

type Size = readonly [topic: string, partitions: number]

async function makeTopics(admin: Admin, wanted: readonly Size[]): Promise<void> {
  const there = new Set(await admin.listTopics())
  const missing = wanted.filter(([topic]) => !there.has(topic))
  if (missing.length > 0) {
    const topics = missing.map(([topic, numPartitions]) => ({ topic, numPartitions }))
    await admin.createTopics({ topics, waitForLeaders: false })
  }
  const present = wanted.filter(([topic]) => there.has(topic))
  if (present.length === 0) return
  const sizes = new Map(
    await sizesOf(
      admin,
      present.map(([topic]) => topic),
    ),
  )
  const smaller = present.filter(([topic, size]) => (sizes.get(topic) ?? size) < size)
  if (smaller.length === 0) return
  await admin.createPartitions({ topicPartitions: smaller.map(([topic, count]) => ({ topic, count })) })
}

async function sizesOf(admin: Admin, topics: string[]): Promise<Size[]> {
  const metadata = await admin.fetchTopicMetadata({ topics })
  return metadata.topics.map(({ name, partitions }) => [name, partitions.length])
}

async function withAdmin<R>({ brokers, sasl, ssl }: Cluster, work: (admin: Admin) => Promise<R>): Promise<R> {
  const config: KafkaConfig = {
    clientId: 'kafka-copy',
    logLevel: logLevel.NOTHING,
    brokers: [...brokers],
    ...(ssl === true ? { ssl } : {}),
  }
  if (sasl !== undefined) {
    const { mechanism, username, passwordEnv } = sasl
    config.sasl = { mechanism, username, password: process.env[passwordEnv] ?? '' }
  }
  const admin = new Kafka(config).admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}
