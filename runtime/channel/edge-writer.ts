// EdgeWriter: the sending side of an edge in one subtask: finds the channel of each record.
//
// Owns: records that wait to fill a batch, per channel. Does not own: channels' bounds; when to flush for latency (task-loop).
//
// I1. Order is kept per channel; a control element comes after all records pushed before it, on every channel.
// I2. At most BATCH_RECORDS wait per channel, and none after flush().

import type { Partitioner } from '../../src/graph/logical-graph.ts'
import { BATCH_RECORDS, type Batch } from '../../src/record/batch.ts'
import type { Barrier, EndOfInput, StreamStatus, Watermark } from '../../src/record/element.ts'
import { assert, present } from '../../src/util/assert.ts'
import { type Key, keyGroupOf, subtaskOfKeyGroup } from '../../src/util/key-group.ts'
import { BatchBuffer } from './batch-buffer.ts'
import { both, type ChannelWriter, type Pending } from './channel.ts'

/** Batches smaller than this are gathered; larger ones go as they are. */
const GATHER_BELOW_RECORDS = BATCH_RECORDS / 4

export interface EdgeWriterOptions {
  readonly partitioner: Partitioner
  /** By receiving subtask; for `forward` the one. */
  readonly writers: readonly ChannelWriter[]
  readonly keyGroups: number
  /** Where round robin begins, so that several senders do not all begin at the same reader. */
  readonly first: number
}

/** One channel with the records that wait for it. */
class Lane {
  readonly writer: ChannelWriter
  readonly buffer = new BatchBuffer()

  constructor(writer: ChannelWriter) {
    this.writer = writer
  }

  flush(): Pending {
    const batch = this.buffer.take()
    return batch === undefined ? undefined : this.writer.write(batch)
  }

  /** Sends what waits if records with and without these columns would meet. */
  makeFit(timestamps: Batch['timestamps'], keys: Batch['keys']): Pending {
    return this.buffer.accepts(timestamps?.[0], keys?.[0]) ? undefined : this.flush()
  }

  addBatch(batch: Batch): Pending {
    const { length } = batch.values
    if (length >= GATHER_BELOW_RECORDS) return both(this.flush(), this.writer.write(batch))
    let pending = this.makeFit(batch.timestamps, batch.keys)
    for (let i = 0; i < length; i += 1) {
      this.buffer.add(batch.values[i], batch.timestamps?.[i], batch.keys?.[i])
      if (this.buffer.length >= BATCH_RECORDS) pending = both(pending, this.flush())
    }
    return pending
  }
}

/** Sends batches and control elements of one subtask over one edge. Wait for a returned promise before the next call. */
export class EdgeWriter {
  readonly #lanes: readonly Lane[]
  readonly #partitioner: Partitioner
  readonly #keyGroups: number
  readonly #laneOfGroup: Uint16Array
  #next: number

  constructor({ partitioner, writers, keyGroups, first }: EdgeWriterOptions) {
    assert(writers.length > 0, 'an edge has a channel')
    this.#lanes = writers.map((writer) => new Lane(writer))
    this.#partitioner = partitioner
    this.#keyGroups = keyGroups
    this.#laneOfGroup = Uint16Array.from({ length: keyGroups }, (_, group) =>
      subtaskOfKeyGroup(group, keyGroups, writers.length),
    )
    this.#next = first % writers.length
  }

  get bytesOut(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.writer.bytesOut, 0)
  }

  /** Whether records wait to fill a batch. */
  get holdsRecords(): boolean {
    return this.#lanes.some((lane) => lane.buffer.length > 0)
  }

  push(batch: Batch): Pending {
    const single = this.#lanes.length === 1 ? this.#lanes[0] : undefined
    if (single !== undefined) return single.addBatch(batch)
    if (this.#partitioner === 'hash') return this.#pushByKey(batch)
    if (this.#partitioner === 'broadcast') return this.#toAll((lane) => lane.addBatch(batch))
    const lane = present(this.#lanes[this.#next], 'the channel whose turn it is')
    this.#next = (this.#next + 1) % this.#lanes.length
    return lane.addBatch(batch)
  }

  /** To every channel at once, behind what waits there. */
  control(element: Watermark | StreamStatus | Barrier | EndOfInput): Pending {
    return this.#toAll((lane) => both(lane.flush(), lane.writer.write(element)))
  }

  flush(): Pending {
    return this.#toAll((lane) => lane.flush())
  }

  close(): void {
    for (const lane of this.#lanes) lane.writer.close()
  }

  #pushByKey(batch: Batch): Pending {
    const keys = present(batch.keys, 'keys of a batch that is spread by key')
    const { values, timestamps } = batch
    const lanes = this.#lanes
    const laneOfGroup = this.#laneOfGroup
    const keyGroups = this.#keyGroups
    let pending = this.#toAll((lane) => lane.makeFit(timestamps, keys))
    for (let i = 0; i < keys.length; i += 1) {
      const key = keys[i] as Key
      const lane = lanes[laneOfGroup[keyGroupOf(key, keyGroups)] as number] as Lane
      lane.buffer.add(values[i], timestamps?.[i], key)
      if (lane.buffer.length >= BATCH_RECORDS) pending = both(pending, lane.flush())
    }
    return pending
  }

  #toAll(action: (lane: Lane) => Pending): Pending {
    let pending: Pending
    for (const lane of this.#lanes) pending = both(pending, action(lane))
    return pending
  }
}
