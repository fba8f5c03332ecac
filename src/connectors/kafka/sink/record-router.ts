// RecordRouter: values on their way into a queue: as records, to their topics.

import type { RuntimeContext } from '../../../contract/runtime-context.ts'
import type { Clock } from '../../../util/clock.ts'
import { userError } from '../../../util/user-error.ts'
import type { WriteFormat, WrittenRecord } from '../formats/format.ts'
import type { Bytes, HeadersToWrite } from '../records/batch-builder.ts'
import type { BatchQueue, RecordToSend } from './batch-queue.ts'
import type { SinkTopics } from './sink-topics.ts'
import type { TopicOf } from './topic-names.ts'

/** What is done with each value. */
export interface RecordShape<T> {
  /** Undefined: the values are records. */
  readonly format: WriteFormat<T> | undefined
  readonly topicOf: TopicOf<T>
  /** These come before what the record says. */
  readonly key: ((value: T) => string | Uint8Array | null) | undefined
  readonly headers: ((value: T) => WrittenRecord['headers']) | undefined
  readonly timestampMs: ((value: T) => number) | undefined
}

/** A record and its topic. */
interface RoutedRecord extends RecordToSend {
  readonly topic: string
}

const NO_HEADERS: HeadersToWrite = []
/** As Kafka has it where a record has no time. */
const NO_TIME_MS = -1

export class RecordRouter<T> {
  readonly #node: string
  readonly #clock: Clock
  readonly #shape: RecordShape<T>
  readonly #topics: SinkTopics

  constructor({ node, clock }: RuntimeContext, shape: RecordShape<T>, topics: SinkTopics) {
    this.#node = node
    this.#clock = clock
    this.#shape = shape
    this.#topics = topics
  }

  /** In order. Returns when all are in the queue; waits while it is full. Throws USER_FUNCTION, SINK_FAILED, KafkaFailure. */
  async write(values: readonly T[], queue: BatchQueue): Promise<void> {
    const refreshing = this.#topics.refresh(queue)
    if (refreshing !== undefined) await refreshing
    const nowMs = this.#clock.now()
    for (const value of values) {
      const record = this.#routed(value, nowMs)
      const topic = queue.topic(record.topic) ?? (await this.#topics.open(queue, record.topic))
      if (record.partition !== undefined && !(record.partition < topic.size)) await this.#topics.lookAgain(queue)
      if (record.partition !== undefined && !(record.partition < topic.size))
        throw userError(this.#node, value, new Error(`topic "${topic.name}" has no partition ${record.partition}`))
      queue.append(topic, record)
      if (queue.isFull) await queue.room()
    }
  }

  #routed(value: T, nowMs: number): RoutedRecord {
    const { format, topicOf, key, headers, timestampMs } = this.#shape
    try {
      const written = format === undefined ? (value as WrittenRecord) : format.write(value)
      const at = (timestampMs === undefined ? written.timestampMs : timestampMs(value)) ?? NO_TIME_MS
      return {
        topic: topicOf(value, written) ?? noTopic(),
        key: bytesOf(key === undefined ? (written.key ?? null) : key(value), 'key'),
        value: bytesOf(written.value, 'value'),
        headers: headersOf(headers === undefined ? written.headers : headers(value)),
        timestampMs: at < 0 ? nowMs : at,
        partition: written.partition ?? undefined,
      }
    } catch (error) {
      throw userError(this.#node, value, error)
    }
  }
}

function noTopic(): never {
  throw new Error('nothing says which topic the record is for: give the sink the option topic, or the record its topic')
}

function bytesOf(part: Bytes, name: 'key' | 'value'): Bytes {
  if (typeof part === 'string' || part === null || part instanceof Uint8Array) return part
  throw new Error(`the ${name} of a record is ${typeof part}, expected string, bytes or null: give the sink a format`)
}

function headersOf(headers: WrittenRecord['headers']): HeadersToWrite {
  if (headers === undefined) return NO_HEADERS
  return Array.isArray(headers) ? headers : Object.entries(headers)
}
