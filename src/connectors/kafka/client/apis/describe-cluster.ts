import type { KafkaApi } from '../api.ts'

export interface DescribeClusterAnswer {
  readonly error: number
  readonly message: string | null
  readonly clusterId: string
  /** What the principal may do with the cluster, a bit for each operation. */
  readonly operations: number
}

/** The cluster, and what the principal may do with it. Since Kafka 2.8. */
export const describeCluster: KafkaApi<Record<never, never>, DescribeClusterAnswer> = {
  key: 60,
  name: 'DescribeCluster',
  min: 0,
  max: 0,
  flexible: 0,
  encode(_request, _version, out) {
    out.bool(true)
    out.tags()
  },
  decode(answer) {
    answer.throttle()
    const head = {
      error: answer.int16(),
      message: answer.compactNullableString(),
      clusterId: answer.compactString(),
    }
    answer.int32()
    answer.compactArray(() => {
      answer.int32()
      answer.compactString()
      answer.int32()
      answer.compactNullableString()
      answer.tags()
    })
    return { ...head, operations: answer.int32() }
  },
}
