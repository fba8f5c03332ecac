import type { KafkaApi } from '../api.ts'

export interface OffsetCommitRequest {
  readonly group: string
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly { readonly partition: number; readonly offset: number; readonly metadata: string }[]
  }[]
}

export interface CommittedOffsetAnswer {
  readonly topic: string
  readonly partition: number
  readonly error: number
}

/** Commits offsets to a group without members, at its coordinator. */
export const offsetCommit: KafkaApi<OffsetCommitRequest, readonly CommittedOffsetAnswer[]> = {
  key: 8,
  name: 'OffsetCommit',
  min: 8,
  max: 8,
  flexible: 8,
  encode({ group, topics }, _version, out) {
    out.compactString(group)
    // No generation, member or instance: nobody joins this group.
    out.int32(-1)
    out.compactString('')
    out.compactString(null)
    out.compactArray(topics, ({ name, partitions }) => {
      out.compactString(name)
      out.compactArray(partitions, ({ partition, offset, metadata }) => {
        out.int32(partition)
        out.int64(offset)
        out.int32(-1)
        out.compactString(metadata)
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
      const partitions = answer.compactArray((): CommittedOffsetAnswer => {
        const read = { topic, partition: answer.int32(), error: answer.int16() }
        answer.tags()
        return read
      })
      answer.tags()
      return partitions
    })
    return topics.flat()
  },
}
