import type { KafkaApi } from '../api.ts'

export interface CreatePartitionsRequest {
  readonly topic: string
  /** How many there are to be, not fewer than there are. */
  readonly count: number
  readonly timeoutMs: number
}

export interface GrownTopic {
  readonly error: number
  readonly message: string | null
}

/** Adds partitions to one topic; any broker passes it on to the controller. */
export const createPartitions: KafkaApi<CreatePartitionsRequest, readonly GrownTopic[]> = {
  key: 37,
  name: 'CreatePartitions',
  min: 2,
  max: 2,
  flexible: 2,
  encode({ topic, count, timeoutMs }, _version, out) {
    out.compactArray([topic], (name) => {
      out.compactString(name)
      out.int32(count)
      // The broker assigns replicas.
      out.compactArray(null, () => {})
      out.tags()
    })
    out.int32(timeoutMs)
    out.bool(false)
    out.tags()
  },
  decode(answer) {
    answer.throttle()
    return answer.compactArray(() => {
      answer.compactString()
      const grown = { error: answer.int16(), message: answer.compactNullableString() }
      answer.tags()
      return grown
    })
  },
}
