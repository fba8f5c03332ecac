// Real Kafka brokers for tests: one for a whole run, started when the first test needs it, and private ones.
// MILLRACE_KAFKA_BROKERS (plaintext, host:port,…): a cluster of your own instead of the shared broker.

import { randomBytes } from 'node:crypto'
import { type AclEntry, type Admin, Kafka, logLevel, type Message, type Producer } from 'kafkajs'
import { afterAll, beforeAll, inject } from 'vitest'
import { FaultProxy } from './fault-proxy.ts'
import { type BrokerOptions, BrokerProcess, isKafkaInstalled, runKafkaTool } from './kafka-process.ts'
import { type Isolation, KafkaReader, type ReadRecord } from './kafka-reader.ts'
import { describeService, sharedAddress } from './services.ts'

export type { BrokerOptions, BrokerProcess, Isolation, ReadRecord }
export { FaultProxy, KafkaReader, runKafkaTool }

/** A broker that several tests use at once: they keep to topics and groups of their own. */
export interface TestBroker {
  readonly brokers: string
  /** kafkajs, for what it does well. */
  readonly kafka: Kafka
  /** The name of a fresh topic, made with so many partitions (default 1); deleted after the tests of this describe. */
  topic(prefix?: string, partitions?: number, config?: Readonly<Record<string, string>>): Promise<string>
  /** Adds partitions, so that there are so many. */
  grow(topic: string, partitions: number): Promise<void>
  /** A name that no other test uses: of a topic that is not made, a group, a transactional id. */
  name(prefix?: string): string
  /** By kafkajs: acknowledged by all, in order in each partition; on private brokers once, though they fall. */
  produce(topic: string, messages: readonly Message[]): Promise<void>
  /** Every record of a topic, each partition's in order, by a reader that is not our own. Default: read_committed. */
  readAll(topic: string, isolation?: Isolation): Promise<ReadRecord[]>
  /** The same, committed, once no transaction is open: a commit is answered a moment before it can be seen. */
  readEnded(topic: string): Promise<ReadRecord[]>
}

const given = process.env.MILLRACE_KAFKA_BROKERS

/** Of kafkajs's requests, and of the broker's work for them: what only hangs exceed, as a machine may be busy. */
const PATIENCE_MS = 240_000
/** The run's broker is never away. What stands still for a moment on a busy machine is not to be taken for that. */
const NEVER_AWAY = ['broker.session.timeout.ms=240000']

/** The tests on the run's broker. Skipped, with the line that installs it, where it is absent. */
export function describeBroker(name: string, tests: (broker: TestBroker) => void): void {
  describeService(`${name} (kafka)`, 'kafka', isKafkaInstalled() || given !== undefined, () => {
    const broker = new Client()
    beforeAll(async () => {
      broker.brokers =
        given ??
        (await sharedAddress(
          'kafka',
          async (run) => (await BrokerProcess.create(run, () => ({ options: NEVER_AWAY }))).brokers,
        ))
    })
    afterAll(async () => {
      await broker.deleteTopics()
      await broker.close()
    })
    tests(broker)
  })
}

/** Tests that start brokers of their own, with startBroker or startProxiedBroker. */
export function describePrivateBrokers(name: string, tests: () => void): void {
  describeService(`${name} (kafka)`, 'kafka', isKafkaInstalled(), tests)
}

/** A private broker, for tests that stop it, kill it or need settings of their own. Stop it in the test; the run's end does too. */
export function startBroker(options: BrokerOptions = {}): Promise<BrokerProcess> {
  return BrokerProcess.create(inject('servicesFolder'), () => options)
}

/** A private broker behind a proxy: what connects to the proxy's port stays behind it. */
export async function startProxiedBroker(
  options: BrokerOptions = {},
): Promise<{ readonly broker: BrokerProcess; readonly proxy: FaultProxy }> {
  let proxy: FaultProxy | undefined
  const broker = await BrokerProcess.create(inject('servicesFolder'), async (port) => {
    await proxy?.close()
    proxy = await FaultProxy.to(port + 2)
    return { ...options, advertisedPort: proxy.port }
  })
  return { broker, proxy: proxy as FaultProxy }
}

const REPLICATED = [
  'default.replication.factor=3',
  'min.insync.replicas=2',
  'offsets.topic.replication.factor=3',
  'transaction.state.log.replication.factor=3',
  'transaction.state.log.min.isr=2',
]

/** Three private brokers: every partition is on all of them, and two must have what is acknowledged. The first is the controller, too. */
export async function startCluster(): Promise<BrokerProcess[]> {
  const clusterId = randomBytes(16).toString('base64url')
  const first = await startBroker({ clusterId, options: REPLICATED })
  const join = (node: number): Promise<BrokerProcess> =>
    BrokerProcess.create(inject('servicesFolder'), (port) => ({
      clusterId,
      options: [
        ...REPLICATED,
        ...['process.roles=broker', `node.id=${node}`, `controller.quorum.voters=1@127.0.0.1:${first.port + 1}`],
        ...[`listeners=PLAINTEXT://127.0.0.1:${port}`, `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`],
      ],
    }))
  return [first, ...(await Promise.all([join(2), join(3)]))]
}

/** The helpers of a TestBroker on any brokers; the caller closes it. */
export function clientOf(...brokers: readonly BrokerProcess[]): TestBroker & { close(): Promise<void> } {
  const client = new Client()
  client.brokers = brokers.map((broker) => broker.brokers).join(',')
  client.idempotent = true
  return client
}

class Client implements TestBroker {
  brokers = ''
  /** Where brokers fall, what was taken but not acknowledged is sent again. */
  idempotent = false
  #kafka: Kafka | undefined
  /** One each: kafkajs's producer fails for all topics once one of those it has written is gone. */
  readonly #producers = new Map<string, Promise<Producer>>()
  readonly #topics: string[] = []

  get kafka(): Kafka {
    this.#kafka ??= new Kafka({
      ...{ brokers: this.brokers.split(','), clientId: 'test', logLevel: logLevel.NOTHING, retry: { retries: 10 } },
      ...{ connectionTimeout: PATIENCE_MS, requestTimeout: PATIENCE_MS },
    })
    return this.#kafka
  }

  async topic(prefix = 'test', partitions = 1, config: Readonly<Record<string, string>> = {}): Promise<string> {
    const topic = this.name(prefix)
    this.#topics.push(topic)
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
    const admin = await this.#admin()
    // kafkajs's own waiting gives up where the topic is not known yet, and believes a leader that does not know of itself.
    await admin.createTopics({
      ...{ topics: [{ topic, numPartitions: partitions, configEntries }], waitForLeaders: false, timeout: PATIENCE_MS },
    })
    while (!(await isReady(admin, topic, partitions))) await new Promise((resolve) => setTimeout(resolve, 20))
    await admin.disconnect()
    return topic
  }

  async grow(topic: string, partitions: number): Promise<void> {
    const admin = await this.#admin()
    await admin.createPartitions({ topicPartitions: [{ topic, count: partitions }], timeout: PATIENCE_MS })
    while (!(await isReady(admin, topic, partitions))) await new Promise((resolve) => setTimeout(resolve, 20))
    await admin.disconnect()
    // It would not know of them for minutes.
    await (await this.#producers.get(topic))?.disconnect()
    this.#producers.delete(topic)
  }

  name(prefix = 'test'): string {
    return `${prefix}-${randomBytes(5).toString('hex')}`
  }

  async produce(topic: string, messages: readonly Message[]): Promise<void> {
    const known = this.#producers.get(topic)
    const producer = known ?? connected(this.kafka.producer({ maxInFlightRequests: 1, idempotent: this.idempotent }))
    if (known === undefined) this.#producers.set(topic, producer)
    // A request for each partition: of one for several, kafkajs sends again what was taken already where one of them fails, and not
    // at all what has moved to a broker that has answered for others.
    for (const partition of new Set(messages.map((message) => message.partition)))
      await (await producer).send({
        topic,
        messages: messages.filter((message) => message.partition === partition),
        acks: -1,
      })
  }

  async readAll(topic: string, isolation: Isolation = 'read_committed'): Promise<ReadRecord[]> {
    const reader = await KafkaReader.open(this.brokers, topic, isolation)
    try {
      return await reader.poll()
    } finally {
      await reader.close()
    }
  }

  async #admin(): Promise<Admin> {
    const admin = this.kafka.admin()
    await admin.connect()
    return admin
  }

  async readEnded(topic: string): Promise<ReadRecord[]> {
    const reader = await KafkaReader.open(this.brokers, topic)
    try {
      const found = await reader.poll()
      while (!reader.isSettled) found.push(...(await reader.poll()))
      return found
    } finally {
      await reader.close()
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#producers.values()].map(async (producer) => (await producer).disconnect()))
  }

  async deleteTopics(): Promise<void> {
    if (this.#topics.length === 0) return
    const admin = await this.#admin()
    const there = await admin.listTopics()
    await admin.deleteTopics({ topics: this.#topics.filter((topic) => there.includes(topic)), timeout: PATIENCE_MS })
    await admin.disconnect()
  }
}

/** Makes ACLs at the one broker there is. */
export async function allow(admin: Admin, ...acl: readonly AclEntry[]): Promise<void> {
  await admin.createAcls({ acl: [...acl] })
  await untilHeard(admin, acl, true)
}

/** Deletes ACLs at the one broker there is. */
export async function disallow(admin: Admin, ...acl: readonly AclEntry[]): Promise<void> {
  await admin.deleteAcls({ filters: [...acl] })
  await untilHeard(admin, acl, false)
}

/** Until the broker goes by them: the controller answers a moment before brokers hear of it. */
async function untilHeard(admin: Admin, acl: readonly AclEntry[], there: boolean): Promise<void> {
  for (const one of acl)
    while ((await admin.describeAcls(one)).resources.length > 0 !== there)
      await new Promise((resolve) => setTimeout(resolve, 20))
}

/** Whether the broker has so many partitions of it: it hears of them a moment after they are made. */
function isReady(admin: Admin, topic: string, partitions: number): Promise<boolean> {
  return admin.fetchTopicOffsets(topic).then(
    (found) => found.length >= partitions,
    () => false,
  )
}

async function connected(producer: Producer): Promise<Producer> {
  await producer.connect()
  return producer
}
