// TopicQueue: the partitions of one topic, and which of them a record goes to.
//
// I1. Records with a key go where Java's default partitioner puts them, as long as the number of partitions stays.
// I2. Records without a key fill one batch after another, each for the next partition.

import type { Bytes } from '../records/batch-builder.ts'
import { partitionOf } from '../records/partitioner.ts'
import type { PartitionQueue } from './partition-queue.ts'

export class TopicQueue {
  readonly name: string
  /** The most bytes that a batch of several records may have. */
  readonly batchBytesMax: number
  readonly #make: (partition: number) => PartitionQueue
  readonly #partitions: PartitionQueue[] = []
  #turn = 0

  constructor(name: string, batchBytesMax: number, make: (partition: number) => PartitionQueue) {
    this.name = name
    this.batchBytesMax = batchBytesMax
    this.#make = make
  }

  /** How many partitions there are. Topics only grow. */
  get size(): number {
    return this.#partitions.length
  }

  grow(partitions: number): void {
    for (let next = this.#partitions.length; next < partitions; next += 1) this.#partitions.push(this.#make(next))
  }

  /** Throws RangeError for a partition that is not there. */
  queueOf(key: Bytes, partition: number | undefined): PartitionQueue {
    const partitions = this.#partitions
    if (partition !== undefined) {
      const queue = partitions[partition]
      if (queue === undefined)
        throw new RangeError(`topic "${this.name}" has partitions 0 to ${partitions.length - 1}, and no ${partition}`)
      return queue
    }
    if (key !== null) return partitions[partitionOf(key, partitions.length)] as PartitionQueue
    const queue = partitions[this.#turn] as PartitionQueue
    if (queue.records > 0) return queue
    this.#turn = (this.#turn + 1) % partitions.length
    return partitions[this.#turn] as PartitionQueue
  }
}
