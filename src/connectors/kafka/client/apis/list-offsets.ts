import type { KafkaApi } from '../api.ts'

/** `timestamp` of a request, for an end of the partition instead of a time. */
export const LATEST = -1
export const EARLIEST = -2

export interface ListOffsetsRequest {
  /** The latest offset is then the last stable one: that of the first transaction still open. */
  readonly readCommitted: boolean
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly { readonly partition: number; readonly timestamp: number }[]
  }[]
}

export interface ListedOffset {
  readonly topic: string
  readonly partition: number
  readonly error: number
  /** Of the record found; -1 for an end of the partition. */
  readonly timestampMs: number
  /** -1: no record is that late. */
  readonly offset: number
}

/** Offsets by time, of partitions that the node leads. */
export const listOffsets: KafkaApi<ListOffsetsRequest, readonly ListedOffset[]> = {
  key: 2,
  name: 'ListOffsets',
  min: 6,
  max: 6,
  flexible: 6,
  encode({ readCommitted, topics }, _version, out) {
    out.int32(-1)
    out.int8(readCommitted ? 1 : 0)
    out.compactArray(topics, ({ name, partitions }) => {
      out.compactString(name)
      out.compactArray(partitions, ({ partition, timestamp }) => {
        out.int32(partition)
        out.int32(-1)
        out.int64(timestamp)
        out.tags()
      })
      out.tags()
    })
    out.tags()
  },
  decode(answer) {
    answer.throttle()
    const topics = answer.compactArray(() => {
      const topic = answer.compactString()
      const partitions = answer.compactArray((): ListedOffset => {
        const partition = answer.int32()
        const error = answer.int16()
        const timestampMs = answer.int64()
        const offset = answer.int64()
        answer.int32()
        answer.tags()
        return { topic, partition, error, timestampMs, offset }
      })
      answer.tags()
      return partitions
    })
    return topics.flat()
  },
}
