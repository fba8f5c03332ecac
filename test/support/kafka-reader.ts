// KafkaReader: what a topic holds, read without our connector: kafkajs carries and decodes, and which records are of aborted
// transactions is decided here, as plainly as the protocol says it.
//
// Owns: a connection of its own, and how far it has read each partition.

import { createRequire } from 'node:module'

/** A record as the broker gave it. */
export interface ReadRecord {
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer | readonly Buffer[]>>
}

export type Isolation = 'read_committed' | 'read_uncommitted'

/** The parts of kafkajs's inside that are used here. */
interface Message {
  readonly offset: string
  readonly timestamp: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: ReadRecord['headers']
  readonly isControlRecord?: boolean
  readonly batchContext: { readonly producerId: string; readonly inTransaction: boolean }
}
interface FetchedPartition {
  readonly partition: number
  readonly highWatermark: string
  readonly lastStableOffset: string
  readonly abortedTransactions: readonly { readonly producerId: string; readonly firstOffset: string }[] | null
  readonly messages: readonly Message[]
}
interface Broker {
  fetch(request: object): Promise<{ responses: readonly { partitions: readonly FetchedPartition[] }[] }>
}
interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addTargetTopic(topic: string): Promise<void>
  refreshMetadata(): Promise<void>
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number; readonly leader: number }[]
  findBroker(id: { nodeId: string }): Promise<Broker>
  fetchTopicsOffset(
    topics: object[],
  ): Promise<readonly { partitions: readonly { partition: number; offset: string }[] }[]>
}

const require = createRequire(import.meta.url)
const ClusterClass = require('kafkajs/src/cluster') as new (options: object) => Cluster
const { createLogger } = require('kafkajs/src/loggers') as { createLogger: (options: object) => unknown }
const socketFactory = require('kafkajs/src/network/socketFactory') as () => unknown

const silent = (): unknown => createLogger({ level: 0, logCreator: () => () => {} })

export class KafkaReader {
  readonly topic: string
  readonly #cluster: Cluster
  readonly #isolation: Isolation
  readonly #positions = new Map<number, number>()
  readonly #found: ReadRecord[] = []
  /** Partitions in which something was not ended yet when they were last read. */
  readonly #open = new Set<number>()

  private constructor(topic: string, cluster: Cluster, isolation: Isolation) {
    this.topic = topic
    this.#cluster = cluster
    this.#isolation = isolation
  }

  /** From the beginning of every partition there is. */
  static async open(brokers: string, topic: string, isolation: Isolation = 'read_committed'): Promise<KafkaReader> {
    const cluster = new ClusterClass({
      ...{ logger: silent(), brokers: brokers.split(','), clientId: 'reader', socketFactory: socketFactory() },
      ...{ metadataMaxAge: 300_000, allowAutoTopicCreation: false, connectionTimeout: 240_000, retry: { retries: 10 } },
    })
    const reader = new KafkaReader(topic, cluster, isolation)
    await cluster.connect()
    await cluster.addTargetTopic(topic)
    const partitions = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => ({ partition: partitionId }))
    const [first] = await cluster.fetchTopicsOffset([{ topic, partitions, fromBeginning: true }])
    const begins = [...(first?.partitions ?? [])].sort((a, b) => a.partition - b.partition)
    for (const { partition, offset } of begins) reader.#positions.set(partition, Number(offset))
    return reader
  }

  /**
   * By partition: what is there from where the last call ended to what each partition's last stable (or high) offset is now. What was
   * read before it throws is in the next answer.
   */
  async poll(): Promise<ReadRecord[]> {
    try {
      for (const partition of this.#positions.keys()) while (await this.#fetch(partition, this.#found)) {}
    } catch (error) {
      await this.#cluster.refreshMetadata() // leaders may have changed
      throw error
    }
    return this.#found.splice(0)
  }

  /** Whether there was no transaction when poll() looked that was open, or whose end was not written yet. */
  get isSettled(): boolean {
    return this.#open.size === 0
  }

  close(): Promise<void> {
    return this.#cluster.disconnect()
  }

  /** False: that was all. */
  async #fetch(partition: number, found: ReadRecord[]): Promise<boolean> {
    const from = this.#positions.get(partition) as number
    const of = this.#cluster.findTopicPartitionMetadata(this.topic).find(({ partitionId }) => partitionId === partition)
    const broker = await this.#cluster.findBroker({ nodeId: String(of?.leader) })
    const committed = this.#isolation === 'read_committed'
    const wanted = [{ partition, fetchOffset: String(from), maxBytes: 16 * 1024 * 1024 }]
    const { responses } = await broker.fetch({
      ...{ replicaId: -1, isolationLevel: committed ? 1 : 0, maxWaitTime: 1, minBytes: 0, maxBytes: 64 * 1024 * 1024 },
      topics: [{ topic: this.topic, partitions: wanted }],
    })
    const answer = responses[0]?.partitions[0] as FetchedPartition
    if (answer.lastStableOffset === answer.highWatermark) this.#open.delete(partition)
    else this.#open.add(partition)
    const end = Number(committed ? answer.lastStableOffset : answer.highWatermark)
    const messages = answer.messages.filter(({ offset }) => Number(offset) >= from && Number(offset) < end)
    const last = messages.at(-1)
    if (last === undefined) return false
    const aborted = new Set(committed ? abortedOffsets(answer.messages, answer.abortedTransactions ?? []) : [])
    for (const message of messages)
      if (message.isControlRecord !== true && !aborted.has(message.offset)) found.push(readRecord(partition, message))
    this.#positions.set(partition, Number(last.offset) + 1)
    return Number(last.offset) + 1 < end
  }
}

/** For each aborted transaction: what its producer wrote in a transaction from its first offset on to the next control record. */
function abortedOffsets(
  messages: readonly Message[],
  aborted: NonNullable<FetchedPartition['abortedTransactions']>,
): string[] {
  return aborted.flatMap(({ producerId, firstOffset }) => {
    const written = messages.filter(
      ({ offset, batchContext }) => batchContext.producerId === producerId && Number(offset) >= Number(firstOffset),
    )
    const end = written.findIndex(({ isControlRecord }) => isControlRecord === true)
    const until = end < 0 ? written : written.slice(0, end)
    return until.filter(({ batchContext }) => batchContext.inTransaction).map(({ offset }) => offset)
  })
}

function readRecord(partition: number, { offset, timestamp, key, value, headers = {} }: Message): ReadRecord {
  return { partition, offset: Number(offset), timestampMs: Number(timestamp), key, value, headers }
}
