// PartitionQueue: what waits to be written to one partition: whole batches, in order, and the one being filled.
//
// Owns: those batches, and the number of the next in the producer's sequence.
// Does not own: when a batch is closed and sent (batch-queue).
//
// I1. The sequence number of a batch is given when it is closed, and grows by the records in it: no gap, no repeat.
// I2. `head` is the oldest batch; it stays until acked().

import { present } from '../../../util/assert.ts'
import type { ProducerIdentity } from '../client/apis/init-producer-id.ts'
import { BatchBuilder, type Bytes, type HeadersToWrite } from '../records/batch-builder.ts'
import type { Compression } from '../records/codecs.ts'
import { stampBatch } from '../records/record-batch.ts'

/** A closed batch. */
export interface ClosedBatch {
  readonly bytes: Buffer
  readonly records: number
  /** What it takes of the queue's limit: its size before compression. */
  readonly size: number
}

/** Sequence numbers are of 31 bits, and begin anew behind the last. */
const SEQUENCES = 2 ** 31

export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  /** The node that was last known to lead it; -1: none. */
  leader = -1
  /** Its head is on the way. */
  isSending = false
  readonly #builder: BatchBuilder
  readonly #isTransactional: boolean
  readonly #closed: ClosedBatch[] = []
  #size = 0
  #sequence = 0

  constructor(topic: string, partition: number, compression: Compression, isTransactional: boolean) {
    this.topic = topic
    this.partition = partition
    this.#builder = new BatchBuilder(compression)
    this.#isTransactional = isTransactional
  }

  /** Records in the batch being filled. */
  get records(): number {
    return this.#builder.records
  }

  /** Bytes in the batch being filled. */
  get bytes(): number {
    return this.#builder.bytes
  }

  get head(): ClosedBatch | undefined {
    return this.#closed[0]
  }

  /** Returns by how many bytes the batch has grown. */
  append(key: Bytes, value: Bytes, timestampMs: number, headers: HeadersToWrite): number {
    const builder = this.#builder
    const before = builder.bytes
    builder.append(key, value, timestampMs, headers)
    const grown = builder.bytes - before
    this.#size += grown
    return grown
  }

  /** Closes the batch being filled; nothing if it is empty. */
  close({ id, epoch }: ProducerIdentity): void {
    const { records } = this.#builder
    if (records === 0) return
    const sequence = this.#next(records)
    const bytes = this.#builder.finish({ id, epoch, sequence, transactional: this.#isTransactional })
    this.#closed.push({ bytes, records, size: this.#size })
    this.#size = 0
  }

  /** The head is in. */
  acked(): ClosedBatch {
    return present(this.#closed.shift(), 'a batch that was acknowledged')
  }

  /** Sequence numbers begin anew, under another producer; a head that is on the way keeps its own. */
  restart(producer: ProducerIdentity, isHeadKept: boolean): void {
    this.#sequence = 0
    for (let i = isHeadKept ? 1 : 0; i < this.#closed.length; i += 1) {
      const batch = this.#closed[i] as ClosedBatch
      // A copy: a connection that is about to be closed may still hold the other.
      const bytes = Buffer.from(batch.bytes)
      const sequence = this.#next(batch.records)
      stampBatch(bytes, { id: producer.id, epoch: producer.epoch, sequence, transactional: this.#isTransactional })
      this.#closed[i] = { ...batch, bytes }
    }
  }

  #next(records: number): number {
    const sequence = this.#sequence
    this.#sequence = (sequence + records) % SEQUENCES
    return sequence
  }
}
