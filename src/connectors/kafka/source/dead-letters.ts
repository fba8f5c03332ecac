// DeadLetters: writes records that cannot be read to a topic of their own.
//
// Owns: how many partitions that topic has.
// Does not own: which records these are, and that the position waits for them (the reader).
//
// I1. write() resolves when all letters are on all replicas in sync. A letter may be there twice: after a lost answer, and after a restart
//     that reads its record again.
// I2. Letters of one partition go to one partition, in order.

import type { Counter, RuntimeContext } from '../../../contract/runtime-context.ts'
import { produce } from '../client/apis/produce.ts'
import { throwIfFailed } from '../client/failure.ts'
import type { KafkaClient } from '../client/kafka-client.ts'
import { BatchBuilder, type HeadersToWrite } from '../records/batch-builder.ts'
import type { KafkaRecord } from '../records/kafka-record.ts'
import { sourceError } from './source-trouble.ts'

/** A record that cannot be read, and why. */
export interface Letter {
  readonly record: KafkaRecord
  readonly reason: string
}

/** A batch is closed when it has reached this: less than brokers take by default, one large letter excepted. */
const BATCH_BYTES = 512 * 1024
const REASON_CHARACTERS_MAX = 4_096
const PRODUCE_TIMEOUT_MS = 30_000
/** Without idempotence: the broker does not tell one attempt from the next. */
const NO_PRODUCER = { id: -1, epoch: -1, sequence: -1, transactional: false } as const

export class DeadLetters {
  readonly #client: KafkaClient
  readonly #topic: string
  readonly #context: RuntimeContext
  readonly #written: Counter
  #partitions: number | undefined

  constructor(client: KafkaClient, topic: string, context: RuntimeContext) {
    this.#client = client
    this.#topic = topic
    this.#context = context
    this.#written = context.metrics.counter('deadLetters')
  }

  /** Letters of records of one partition. Throws SOURCE_FAILED, SOURCE_SETTING. */
  async write(letters: readonly Letter[]): Promise<void> {
    const builder = new BatchBuilder('none')
    const from = (letters[0] as Letter).record.partition
    try {
      for (const { record, reason } of letters) {
        builder.append(record.key, record.value, this.#context.clock.now(), headersOf(record, reason))
        if (builder.bytes >= BATCH_BYTES) await this.#send(from, builder.finish(NO_PRODUCER))
      }
      if (builder.records > 0) await this.#send(from, builder.finish(NO_PRODUCER))
    } catch (error) {
      throw sourceError(error, this.#context.node)
    }
    this.#written.add(letters.length)
  }

  #send(from: number, batch: Buffer): Promise<void> {
    const what = `Writing dead letters to topic "${this.#topic}"`
    return this.#client.retry(what, async () => {
      this.#partitions ??= (await this.#client.topics([this.#topic])).get(this.#topic)?.partitions
      const partition = from % (this.#partitions ?? 1)
      const leader = await this.#client.leader(this.#topic, partition)
      const topics = [{ name: this.#topic, partitions: [{ partition, batch }] }]
      const answer = await this.#client.send(leader, produce, {
        transactionalId: null,
        timeoutMs: PRODUCE_TIMEOUT_MS,
        topics,
      })
      for (const { code, message } of answer) {
        if (code !== 0) this.#client.stale(this.#topic)
        throwIfFailed(code, what, message)
      }
    })
  }
}

/** The record's own, and where it was and why it could not be read. The time is the letter's own: retention may be past the record's. */
function headersOf({ topic, partition, offset, timestampMs, headers }: KafkaRecord, reason: string): HeadersToWrite {
  return [
    ...headers,
    ['millrace.reason', reason.slice(0, REASON_CHARACTERS_MAX)],
    ['millrace.topic', topic],
    ['millrace.partition', String(partition)],
    ['millrace.offset', String(offset)],
    ['millrace.timestamp', String(timestampMs)],
  ]
}
