import type { KafkaApi } from '../api.ts'

export interface OffsetFetchRequest {
  readonly group: string
  /** Null: all that the group has. */
  readonly topics: readonly { readonly name: string; readonly partitions: readonly number[] }[] | null
}

export interface FetchedOffset {
  readonly topic: string
  readonly partition: number
  readonly error: number
  /** -1: none is committed. */
  readonly offset: number
  readonly metadata: string
}

export interface OffsetFetchAnswer {
  readonly error: number
  readonly offsets: readonly FetchedOffset[]
}

/** Committed offsets of a group, from its coordinator. An offset that a transaction is just committing is waited for (UNSTABLE_OFFSET_COMMIT). */
export const offsetFetch: KafkaApi<OffsetFetchRequest, OffsetFetchAnswer> = {
  key: 9,
  name: 'OffsetFetch',
  min: 7,
  max: 7,
  flexible: 6,
  encode({ group, topics }, _version, out) {
    out.compactString(group)
    out.compactArray(topics, ({ name, partitions }) => {
      out.compactString(name)
      out.compactArray(partitions, (partition) => out.int32(partition))
      out.tags()
    })
    out.bool(true)
    out.tags()
  },
  decode(answer) {
    answer.throttle()
    const topics = answer.compactArray(() => {
      const topic = answer.compactString()
      const partitions = answer.compactArray((): FetchedOffset => {
        const partition = answer.int32()
        const offset = answer.int64()
        answer.int32()
        const metadata = answer.compactNullableString() ?? ''
        const error = answer.int16()
        answer.tags()
        return { topic, partition, error, offset, metadata }
      })
      answer.tags()
      return partitions
    })
    return { error: answer.int16(), offsets: topics.flat() }
  },
}
