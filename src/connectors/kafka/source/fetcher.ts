// Fetcher: keeps the queues of one reader's partitions filled.
//
// Owns: which broker leads each partition, the one request that is under way to each of them, when a failed partition is tried again.
// Does not own: the queues' contents (partition-queue), when they are read (the reader).
//
// I1. A partition is in one request at a time, and what it gives is appended where it was asked for: order is the partition's.
// I2. A partition is asked for only while it holds less than its share, and for no more than its share: all queues together hold
//     at most bufferBytesMax, beside one batch larger than a share in each.
// I3. Whatever goes wrong is tried again, or told once through `failed`; nothing is thrown here.

import type { Clock } from '../../../util/clock.ts'
import {
  type FetchAnswer,
  type FetchedPartition,
  type FetchTopic,
  fetchApi,
  fetchByNameApi,
} from '../client/apis/fetch.ts'
import { failureOf } from '../client/failure.ts'
import type { KafkaClient } from '../client/kafka-client.ts'
import { splitId } from './kafka-split.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type { SourceTrouble } from './source-trouble.ts'

/** How long a broker may wait for a record to come. */
const WAIT_MS = 500
/**
 * While all that may be asked for is at its end, and what is full is being read: how long the request is held back until that has room
 * too, and then how long a broker may wait. A request under way keeps all others of its broker waiting.
 */
const HOLD_MS = 20

export interface FetcherOptions {
  readonly clock: Clock
  readonly client: KafkaClient
  readonly readCommitted: boolean
  readonly fetchBytesMax: number
  readonly bufferBytesMax: number
  readonly trouble: SourceTrouble
  /** There may be something to read. */
  readonly fetched: () => void
  /** Once. */
  readonly failed: (error: unknown) => void
}

/** A partition and who is asked for it. */
interface Seat {
  readonly queue: PartitionQueue
  /** Undefined while the leader is being looked up. */
  node: number | undefined
  /** Bytes held when it was last left out of a request because it had no room; undefined if it had. */
  fullAt: number | undefined
}

interface Node {
  readonly id: number
  busy: boolean
  /** Ends the wait of a request that is held back. */
  release: (() => void) | undefined
  /** Who comes first in the next request: only the first partition is given a batch larger than it asks for. */
  turn: number
}

export class Fetcher {
  readonly #options: FetcherOptions
  readonly #seats = new Map<string, Seat>()
  readonly #nodes = new Map<number, Node>()
  #closed = false

  constructor(options: FetcherOptions) {
    this.#options = options
  }

  /** Begins to fetch a partition. */
  add(queue: PartitionQueue): void {
    const seat: Seat = { queue, node: undefined, fullAt: undefined }
    this.#seats.set(queue.split.id, seat)
    void this.#place(seat)
  }

  /** The partition is read to its end. */
  remove(id: string): void {
    this.#seats.delete(id)
  }

  /** Something was read: a queue that had no room may have some. */
  drained(id: string): void {
    const seat = this.#seats.get(id)
    if (seat?.fullAt === undefined || !this.#hasRoom(seat.queue)) return
    seat.fullAt = undefined
    if (seat.node !== undefined) this.#ask(this.#node(seat.node))
  }

  close(): void {
    this.#closed = true
    for (const { release } of this.#nodes.values()) release?.()
  }

  /** Bytes that one partition may ask for, and hold before it asks again. */
  get #share(): number {
    const { bufferBytesMax, fetchBytesMax } = this.#options
    return Math.max(1, Math.min(fetchBytesMax, Math.floor(bufferBytesMax / this.#seats.size / 2)))
  }

  #hasRoom(queue: PartitionQueue): boolean {
    return queue.bytes < this.#share
  }

  #node(id: number): Node {
    let node = this.#nodes.get(id)
    if (node === undefined) {
      node = { id, busy: false, release: undefined, turn: 0 }
      this.#nodes.set(id, node)
    }
    return node
  }

  /** Sends the next request to a broker, unless one is under way, there is nothing to ask for, or it is better `held` for a while. */
  #ask(node: Node, wasHeld = false): void {
    if (node.busy || this.#closed) return
    const { asked, hold } = this.#choose(node)
    if (asked.length === 0) return
    if (hold && !wasHeld) return this.#hold(node)
    node.release?.()
    node.busy = true
    this.#send(node, asked, hold ? HOLD_MS : WAIT_MS)
      .then(
        (answer) => this.#take(asked, answer),
        (error: unknown) => this.#lost(asked, error),
      )
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        node.busy = false
        this.#ask(node)
      })
  }

  #hold(node: Node): void {
    if (node.release !== undefined) return
    const cancel = this.#options.clock.schedule(HOLD_MS, () => {
      node.release = undefined
      this.#ask(node, true)
    })
    node.release = () => {
      node.release = undefined
      cancel()
    }
  }

  #choose(node: Node): { readonly asked: readonly Seat[]; readonly hold: boolean } {
    const led = [...this.#seats.values()].filter((seat) => seat.node === node.id && !seat.queue.isFetched)
    let isDraining = false
    const asked = led.filter((seat) => {
      if (this.#hasRoom(seat.queue)) return true
      // A queue that nobody reads is not waited for.
      isDraining ||= seat.fullAt !== seat.queue.bytes
      seat.fullAt = seat.queue.bytes
      return false
    })
    const isBehind = asked.some(({ queue }) => queue.end === undefined || queue.fetchOffset < queue.end)
    node.turn += 1
    const first = asked.length === 0 ? 0 : node.turn % asked.length
    return { asked: [...asked.slice(first), ...asked.slice(0, first)], hold: isDraining && !isBehind }
  }

  async #send(node: Node, asked: readonly Seat[], waitMs: number): Promise<FetchAnswer> {
    const { client, readCommitted, fetchBytesMax } = this.#options
    const bytesMax = this.#share
    const topics: FetchTopic[] = asked.map(({ queue: { split, fetchOffset, fetchEpoch } }) => ({
      name: split.topic,
      id: split.topicId,
      partitions: [{ partition: split.partition, offset: fetchOffset, lastEpoch: fetchEpoch, bytesMax }],
    }))
    const api = asked.every(({ queue }) => queue.split.topicId !== null) ? fetchApi : fetchByNameApi
    return client.send(node.id, api, { waitMs, bytesMax: fetchBytesMax, readCommitted, topics })
  }

  #take(asked: readonly Seat[], answer: FetchAnswer): void {
    if (this.#closed) return
    if (answer.error !== 0) return this.#lost(asked, failureOf(answer.error, 'Fetch'))
    const parts = new Map(answer.partitions.map((part) => [splitId(part.topic, part.partition), part]))
    for (const seat of asked) {
      const { id, topicId, partition } = seat.queue.split
      // A throttled answer has no partitions.
      const part = parts.get(id) ?? parts.get(splitId(topicId ?? '', partition))
      if (part === undefined || !this.#isSeated(seat)) continue
      if (part.error !== 0 || part.divergesAt !== undefined) void this.#refused(seat, part)
      else this.#accept(seat.queue, part, parts.size > 1)
    }
    this.#options.fetched()
  }

  #accept(
    queue: PartitionQueue,
    { highWatermark, lastStableOffset, records, aborted }: FetchedPartition,
    several: boolean,
  ): void {
    const { readCommitted, trouble } = this.#options
    trouble.over(queue.split.id)
    queue.reached(readCommitted ? lastStableOffset : highWatermark)
    if (records === null || records.length === 0) return
    // A view would hold the whole answer for as long as this part of it is not read.
    queue.accept(several ? Buffer.from(records) : records, readCommitted ? aborted : null)
  }

  /** No answer of this broker: all that was asked is asked again, of whoever leads it now. */
  #lost(asked: readonly Seat[], error: unknown): void {
    for (const seat of asked) void this.#again(seat, error)
  }

  async #refused(seat: Seat, part: FetchedPartition): Promise<void> {
    const { trouble } = this.#options
    const { split, fetchOffset } = seat.queue
    seat.node = undefined
    if (part.divergesAt !== undefined) return this.#fail(trouble.diverged(split, fetchOffset, part.divergesAt))
    const failure = failureOf(part.error, `Fetch of ${split.id} at ${fetchOffset}`)
    await this.#again(seat, await trouble.judge(split, fetchOffset, failure))
  }

  /** Asks again after a while, unless that is of no use or has been tried for too long. */
  async #again(seat: Seat, error: unknown): Promise<void> {
    const { client, trouble } = this.#options
    const { split } = seat.queue
    seat.node = undefined
    const final = await trouble.retry(split, error)
    if (!this.#isSeated(seat)) return
    if (final !== undefined) return this.#fail(final)
    client.stale(split.topic)
    await this.#place(seat)
  }

  /** Looks up the leader, and asks it. */
  async #place(seat: Seat): Promise<void> {
    const { topic, partition } = seat.queue.split
    try {
      seat.node = await this.#options.client.leader(topic, partition)
    } catch (error) {
      return this.#again(seat, error)
    }
    if (this.#isSeated(seat)) this.#ask(this.#node(seat.node))
  }

  #isSeated(seat: Seat): boolean {
    return !this.#closed && this.#seats.get(seat.queue.split.id) === seat
  }

  #fail(error: unknown): void {
    if (this.#closed) return
    this.#closed = true
    this.#options.failed(error)
  }
}
