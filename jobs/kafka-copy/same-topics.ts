// The topics of a copy: made with as many partitions as those they are of.

import { setTimeout as sleep } from 'node:timers/promises'
import { type Admin, Kafka, type KafkaConfig, logLevel } from 'kafkajs'
import { type Collector, type ProcessContext, ProcessFunction } from 'millrace'
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

/**
 * Passes records on as they are. When it opens, the topics are made that they go to. A record that comes of a partition found since makes the
 * job start again, before the sink has it: so it opens again.
 */
export class SameTopics extends ProcessFunction<KafkaRecord, KafkaRecord> {
  readonly #copy: Copy
  /** Of the topics there, by their names here. */
  #sizes: ReadonlyMap<string, number> = new Map()

  constructor(copy: Copy) {
    super()
    this.#copy = copy
  }

  override async open(): Promise<void> {
    const { from, to, topics, prefix } = this.#copy
    const isMeant = tablePattern(topics, 'kafka-copy')
    // Internal topics begin with two underscores: offsets and transactions of groups are not to be copied.
    const here = await withAdmin(from, (admin) => sizesOf(admin, (name) => !name.startsWith('__') && isMeant(name)))
    const wanted = new Map([...here].map(([name, size]) => [`${prefix}${name}`, size]))
    const there = await withAdmin(to, (admin) => madeTopics(admin, wanted))
    this.#sizes = new Map([...here.keys()].map((name) => [name, there.get(`${prefix}${name}`) ?? 0]))
  }

  override process(record: KafkaRecord, _context: ProcessContext, out: Collector<KafkaRecord>): void {
    const { topic, partition } = record
    if (partition < (this.#sizes.get(topic) ?? 0)) return out.emit(record)
    throw new Error(`partition ${partition} of ${topic} was found since: the job starts again, to make it there`)
  }
}

type Sizes = ReadonlyMap<string, number>

const ATTEMPTS = 50

/** The sizes of topics, all as large as wanted. Other subtasks do the same meanwhile: then what was asked for fails, and is there. */
async function madeTopics(admin: Admin, wanted: Sizes): Promise<Sizes> {
  let cause: unknown
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const sizes = await sizesOf(admin, (name) => wanted.has(name)).catch((error: unknown) => {
      cause = error
      return undefined
    })
    const lacking = [...wanted].filter(([name, size]) => (sizes?.get(name) ?? 0) < size)
    if (sizes !== undefined && lacking.length === 0) return sizes
    if (sizes !== undefined) await make(admin, lacking, sizes).catch((error: unknown) => (cause = error))
    await sleep(200)
  }
  throw new Error(`topics could not be made: ${String(cause)}`, { cause })
}

async function make(admin: Admin, lacking: readonly (readonly [string, number])[], there: Sizes): Promise<void> {
  const missing = lacking.filter(([topic]) => !there.has(topic))
  const topics = missing.map(([topic, numPartitions]) => ({ topic, numPartitions }))
  if (topics.length > 0) await admin.createTopics({ topics, waitForLeaders: false })
  const smaller = lacking.filter(([topic]) => there.has(topic)).map(([topic, count]) => ({ topic, count }))
  if (smaller.length > 0) await admin.createPartitions({ topicPartitions: smaller })
}

async function sizesOf(admin: Admin, isMeant: (topic: string) => boolean): Promise<Sizes> {
  const topics = (await admin.listTopics()).filter(isMeant)
  if (topics.length === 0) return new Map()
  const metadata = await admin.fetchTopicMetadata({ topics })
  return new Map(metadata.topics.map(({ name, partitions }) => [name, partitions.length]))
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
