// BatchQueue: records on their way to partitions: gathered into batches, sent to the leaders, sent again until they are in.
//
// Owns: what is not acknowledged yet, and the requests under way.
// Does not own: the producer's id and the transaction (its owner), which topics there are (sink-topics).
//
// I1. Of a partition one batch is on the way at a time; the next goes when that one is acknowledged. Of a broker one request is.
// I2. What is sent again is the same batch with the same sequence number, which the broker takes once. Only when the broker has
//     forgotten the producer do batches get another one (`renew`), in the same order.
// I3. Records wait for others while their broker is busy, or lingerMs; at most bufferBytes wait in all, and one record.
// I4. After a failure nothing is sent any more and every call throws it, until begin().

import type { Clock } from '../../../util/clock.ts'
import { type Deferred, deferred } from '../../../util/deferred.ts'
import type { ProducerIdentity } from '../client/apis/init-producer-id.ts'
import { type ProducedPartition, produce } from '../client/apis/produce.ts'
import { failureOf, KafkaFailure } from '../client/failure.ts'
import type { KafkaClient } from '../client/kafka-client.ts'
import { byTopic } from '../client/topic-partition.ts'
import type { Bytes, HeadersToWrite } from '../records/batch-builder.ts'
import type { Compression } from '../records/codecs.ts'
import { type ClosedBatch, PartitionQueue } from './partition-queue.ts'
import { TopicQueue } from './topic-queue.ts'

export interface BatchQueueOptions {
  readonly client: KafkaClient
  readonly clock: Clock
  readonly compression: Compression
  readonly batchBytes: number
  readonly bufferBytes: number
  readonly lingerMs: number
  readonly requestTimeoutMs: number
  /** Runs the work again while it fails in a way that passes. */
  readonly retry: <R>(what: string, work: () => Promise<R>) => Promise<R>
  /** Null outside of transactions. */
  readonly transactionalId: string | null
  /** Before the first batch for these is sent. */
  readonly enlist?: (partitions: readonly PartitionQueue[]) => Promise<void>
  /** Another producer id, for when the broker has forgotten this one. */
  readonly renew?: () => Promise<ProducerIdentity>
}

/** A record, its topic apart. */
export interface RecordToSend {
  readonly key: Bytes
  readonly value: Bytes
  readonly headers: HeadersToWrite
  readonly timestampMs: number
  /** Undefined: the key decides. */
  readonly partition: number | undefined
}

/** A batch that is being sent, until it is not the head of its partition any more. */
interface Shipped {
  readonly queue: PartitionQueue
  readonly batch: ClosedBatch
}

const DUPLICATE_SEQUENCE_NUMBER = 46
const RENEWALS_MAX = 5
const RENEWED = new Set(['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH'])

export class BatchQueue {
  readonly #options: BatchQueueOptions
  readonly #topics = new Map<string, TopicQueue>()
  readonly #queues: PartitionQueue[] = []
  /** Leaders that a request is under way to. */
  readonly #busy = new Set<number>()
  readonly #shipments = new Set<Promise<void>>()
  #producer: ProducerIdentity
  #size = 0
  /** What is being filled may go now. */
  #isDue = false
  #cancelLinger: (() => void) | undefined
  #room: Deferred<void> | undefined
  #drained: Deferred<void> | undefined
  #failure: { readonly error: unknown } | undefined

  constructor(producer: ProducerIdentity, options: BatchQueueOptions) {
    this.#producer = producer
    this.#options = options
  }

  topic(name: string): TopicQueue | undefined {
    return this.#topics.get(name)
  }

  get topics(): Iterable<TopicQueue> {
    return this.#topics.values()
  }

  addTopic(name: string, partitions: number, batchBytesMax: number): TopicQueue {
    const { compression, transactionalId } = this.#options
    const topic = new TopicQueue(name, batchBytesMax, (partition) => {
      const queue = new PartitionQueue(name, partition, compression, transactionalId !== null)
      this.#queues.push(queue)
      return queue
    })
    topic.grow(partitions)
    this.#topics.set(name, topic)
    return topic
  }

  /** More is waiting than should: wait for room() before the next append(). */
  get isFull(): boolean {
    return this.#size >= this.#options.bufferBytes
  }

  append(topic: TopicQueue, record: RecordToSend): void {
    if (this.#failure !== undefined) throw this.#failure.error
    const { key, value, headers } = record
    const queue = topic.queueOf(key, record.partition)
    if (queue.records > 0 && queue.bytes + sizeOf(record) > topic.batchBytesMax) this.#close(queue)
    this.#size += queue.append(key, value, record.timestampMs, headers)
    if (queue.bytes >= Math.min(this.#options.batchBytes, topic.batchBytesMax)) this.#close(queue)
    else if (this.#cancelLinger === undefined && !this.#isDue) this.#linger()
  }

  /** Resolves when there is room again. */
  async room(): Promise<void> {
    if (!this.isFull && this.#failure === undefined) return
    this.#send()
    if (this.#failure !== undefined) throw this.#failure.error
    if (!this.isFull) return
    this.#room ??= deferred()
    await this.#room.promise
  }

  /** Resolves when all that was appended is acknowledged. */
  async flush(): Promise<void> {
    this.#send()
    if (this.#failure !== undefined) throw this.#failure.error
    if (this.#size === 0) return
    this.#drained ??= deferred()
    await this.#drained.promise
  }

  /** Stops for good. Resolves when every request was answered or given up. */
  async abandon(reason: unknown): Promise<void> {
    this.#fail(reason)
    await Promise.all(this.#shipments)
  }

  #close(queue: PartitionQueue): void {
    queue.close(this.#producer)
    if (!queue.isSending && !this.#busy.has(queue.leader)) this.#pump()
  }

  #linger(): void {
    const { clock, lingerMs } = this.#options
    this.#cancelLinger = clock.schedule(lingerMs, () => {
      this.#cancelLinger = undefined
      this.#send()
    })
  }

  #send(): void {
    this.#isDue = true
    this.#pump()
  }

  #pump(): void {
    if (this.#failure !== undefined) return
    try {
      this.#shipAll()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Sends what may go to brokers that are not busy. */
  #shipAll(): void {
    const byLeader = new Map<number, Shipped[]>()
    let waiting = false
    for (const queue of this.#queues) {
      if (queue.isSending || this.#busy.has(queue.leader)) {
        waiting ||= queue.records > 0
        continue
      }
      if (this.#isDue && queue.head === undefined) queue.close(this.#producer)
      else waiting ||= queue.records > 0
      const batch = queue.head
      if (batch === undefined) continue
      const shipment = byLeader.get(queue.leader)
      if (shipment === undefined) byLeader.set(queue.leader, [{ queue, batch }])
      else shipment.push({ queue, batch })
    }
    this.#isDue &&= waiting
    for (const [leader, shipment] of byLeader) this.#ship(leader, shipment)
  }

  #ship(leader: number, shipment: readonly Shipped[]): void {
    this.#busy.add(leader)
    for (const { queue } of shipment) queue.isSending = true
    const sending = this.#deliver(shipment)
      .catch((error: unknown) => this.#fail(error))
      .then(() => {
        this.#shipments.delete(sending)
        this.#busy.delete(leader)
        for (const { queue } of shipment) queue.isSending = false
        this.#pump()
      })
    this.#shipments.add(sending)
  }

  async #deliver(shipment: readonly Shipped[]): Promise<void> {
    const { retry, enlist, renew } = this.#options
    let waiting = shipment
    await enlist?.(waiting.map(({ queue }) => queue))
    for (let renewals = 0; ; renewals += 1) {
      try {
        return await retry(`Produce to ${placesOf(waiting)}`, async () => {
          if (this.#failure !== undefined) throw new Error('given up, since something else failed')
          waiting = waiting.filter(({ queue, batch }) => queue.head === batch)
          if (waiting.length > 0) await this.#sendOnce(waiting)
        })
      } catch (error) {
        const isForgotten = error instanceof KafkaFailure && RENEWED.has(error.kind)
        if (renew === undefined || !isForgotten || renewals === RENEWALS_MAX) throw error
        this.#restart(await renew(), new Set(waiting.map(({ queue }) => queue)))
        waiting = waiting.flatMap(({ queue }) => (queue.head === undefined ? [] : [{ queue, batch: queue.head }]))
      }
    }
  }

  /** One request to each leader. Throws the first failure when all have been answered. */
  async #sendOnce(shipment: readonly Shipped[]): Promise<void> {
    const byLeader = new Map<number, Shipped[]>()
    for (const shipped of shipment) {
      const { queue } = shipped
      queue.leader = await this.#options.client.leader(queue.topic, queue.partition)
      byLeader.set(queue.leader, [...(byLeader.get(queue.leader) ?? []), shipped])
    }
    const answers = [...byLeader].map(([leader, part]) => this.#produce(leader, part))
    for (const answer of await Promise.allSettled(answers)) if (answer.status === 'rejected') throw answer.reason
  }

  async #produce(leader: number, shipment: readonly Shipped[]): Promise<void> {
    const { client, requestTimeoutMs: timeoutMs, transactionalId } = this.#options
    const places = shipment.map(({ queue: { topic, partition }, batch }) => ({ topic, partition, batch: batch.bytes }))
    const topics = byTopic(places, ({ partition, batch }) => ({ partition, batch }))
    const produced = await client.send(leader, produce, { transactionalId, timeoutMs, topics })
    const byPlace = new Map(shipment.map((shipped) => [`${shipped.queue.topic}/${shipped.queue.partition}`, shipped]))
    let first: KafkaFailure | undefined
    for (const answer of produced) {
      const shipped = byPlace.get(`${answer.topic}/${answer.partition}`)
      if (shipped === undefined) continue
      if (answer.code === 0 || answer.code === DUPLICATE_SEQUENCE_NUMBER) this.#acked(shipped.queue)
      else {
        const failure = failureOfBatch(answer, shipped)
        // What does not pass comes first: trying the others again would not help.
        if (first === undefined || (first.retriable && !failure.retriable)) first = failure
        client.stale(answer.topic)
      }
    }
    if (first !== undefined) throw first
  }

  #acked(queue: PartitionQueue): void {
    this.#size -= queue.acked().size
    if (this.#size === 0) {
      this.#drained?.resolve()
      this.#drained = undefined
    }
    if (!this.isFull) {
      this.#room?.resolve()
      this.#room = undefined
    }
  }

  /** Under another producer id. What others have on the way is answered under the old one. */
  #restart(producer: ProducerIdentity, own: ReadonlySet<PartitionQueue>): void {
    this.#producer = producer
    for (const queue of this.#queues) queue.restart(producer, queue.isSending && !own.has(queue))
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#cancelLinger?.()
    for (const waiter of [this.#room, this.#drained]) waiter?.reject(this.#failure.error)
    this.#room = undefined
    this.#drained = undefined
  }
}

/** What a record takes at most, before compression. */
function sizeOf({ key, value, headers }: RecordToSend): number {
  let size = 40 + bytesAtMost(key) + bytesAtMost(value)
  for (const [name, header] of headers) size += 10 + bytesAtMost(name) + bytesAtMost(header)
  return size
}

function bytesAtMost(part: Bytes): number {
  if (part === null) return 0
  return typeof part === 'string' ? part.length * 3 : part.length
}

function placesOf(shipment: readonly Shipped[]): string {
  const [first] = shipment
  const more = shipment.length > 1 ? ` and ${shipment.length - 1} more partitions` : ''
  return `${first?.queue.topic}/${first?.queue.partition}${more}`
}

function failureOfBatch({ topic, partition, code, message }: ProducedPartition, { batch }: Shipped): KafkaFailure {
  const { records, bytes } = batch
  const what = `${records === 1 ? 'one record' : `a batch of ${records} records`}, ${bytes.length} bytes`
  return failureOf(code, `Writing to partition ${partition} of topic "${topic}" (${what})`, message)
}
