import type { KafkaApi } from '../api.ts'

export interface CreateTopicsRequest {
  readonly topics: readonly {
    readonly name: string
    /** -1: the broker's default. */
    readonly partitions: number
    /** -1: the broker's default. */
    readonly replication: number
    readonly config: readonly (readonly [name: string, value: string])[]
  }[]
  readonly timeoutMs: number
  /** Checks all, changes nothing. */
  readonly validateOnly: boolean
}

export interface CreatedTopic {
  readonly name: string
  readonly error: number
  readonly message: string | null
}

/** Makes topics; any broker passes it on to the controller. */
export const createTopics: KafkaApi<CreateTopicsRequest, readonly CreatedTopic[]> = {
  key: 19,
  name: 'CreateTopics',
  min: 6,
  max: 6,
  flexible: 5,
  encode({ topics, timeoutMs, validateOnly }, _version, out) {
    out.compactArray(topics, ({ name, partitions, replication, config }) => {
      out.compactString(name)
      out.int32(partitions)
      out.int16(replication)
      out.compactArray([], () => {})
      out.compactArray(config, ([key, value]) => {
        out.compactString(key)
        out.compactString(value)
        out.tags()
      })
      out.tags()
    })
    out.int32(timeoutMs)
    out.bool(validateOnly)
    out.tags()
  },
  decode(answer) {
    answer.throttle()
    return answer.compactArray(() => {
      const created = { name: answer.compactString(), error: answer.int16(), message: answer.compactNullableString() }
      answer.int32()
      answer.int16()
      answer.compactArray(() => {
        answer.compactString()
        answer.compactNullableString()
        answer.bool()
        answer.int8()
        answer.bool()
        answer.tags()
      })
      answer.tags()
      return created
    })
  },
}
