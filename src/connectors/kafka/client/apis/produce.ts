// Produce: record batches for partitions of one leader. Up to version 11, in which partitions are added to a transaction beforehand.

import type { KafkaApi } from '../api.ts'
import type { WireReader } from '../wire.ts'

export interface ProduceRequest {
  /** Null outside of a transaction. */
  readonly transactionalId: string | null
  /** How long the leader may wait for the replicas. */
  readonly timeoutMs: number
  readonly topics: readonly ProduceTopic[]
}

export interface ProduceTopic {
  readonly name: string
  readonly partitions: readonly ProducePartition[]
}

/** Exactly one batch, which must not change until the answer is there. */
export interface ProducePartition {
  readonly partition: number
  readonly batch: Buffer
}

/** What became of a batch. */
export interface ProducedPartition {
  readonly topic: string
  readonly partition: number
  readonly code: number
  /** What the broker says of a failure; null before version 8. */
  readonly message: string | null
}

const ACKS_ALL = -1
const FLEXIBLE = 9

export const produce: KafkaApi<ProduceRequest, readonly ProducedPartition[]> = {
  key: 0,
  name: 'Produce',
  min: 3,
  max: 11,
  flexible: FLEXIBLE,

  encode({ transactionalId, timeoutMs, topics }, version, out) {
    const isFlexible = version >= FLEXIBLE
    if (isFlexible) out.compactString(transactionalId)
    else out.nullableString(transactionalId)
    out.int16(ACKS_ALL)
    out.int32(timeoutMs)
    if (isFlexible) {
      out.compactArray(topics, ({ name, partitions }) => {
        out.compactString(name)
        out.compactArray(partitions, ({ partition, batch }) => {
          out.int32(partition)
          out.compactBytes(batch)
          out.tags()
        })
        out.tags()
      })
      out.tags()
      return
    }
    out.array(topics, ({ name, partitions }) => {
      out.string(name)
      out.array(partitions, ({ partition, batch }) => {
        out.int32(partition)
        out.bytes(batch)
      })
    })
  },

  decode(answer, version) {
    const isFlexible = version >= FLEXIBLE
    const list = <T>(each: () => T): T[] => (isFlexible ? answer.compactArray(each) : answer.array(each))
    const produced = list(() => {
      const topic = isFlexible ? answer.compactString() : answer.string()
      const partitions = list(() => producedPartition(answer, version, topic))
      if (isFlexible) answer.tags()
      return partitions
    })
    answer.throttle()
    return produced.flat()
  },
}

function producedPartition(answer: WireReader, version: number, topic: string): ProducedPartition {
  const isFlexible = version >= FLEXIBLE
  const partition = answer.int32()
  const code = answer.int16()
  answer.int64() // base offset
  answer.int64() // log append time
  if (version >= 5) answer.int64() // log start offset
  const message = version >= 8 ? refusal(answer, isFlexible) : null
  if (isFlexible) answer.tags()
  return { topic, partition, code, message }
}

/** What is said of single records, or else of the batch. */
function refusal(answer: WireReader, isFlexible: boolean): string | null {
  const text = (): string | null => (isFlexible ? answer.compactNullableString() : answer.nullableString())
  const each = (): string | null => {
    const index = answer.int32()
    const said = text()
    if (isFlexible) answer.tags()
    return said === null ? null : `record ${index} of the batch: ${said}`
  }
  const ofRecords = isFlexible ? answer.compactArray(each) : answer.array(each)
  const ofBatch = text()
  return ofRecords.find((said) => said !== null) ?? ofBatch
}
