import type { KafkaApi } from '../api.ts'

export interface DescribeProducersRequest {
  readonly topics: readonly { readonly name: string; readonly partitions: readonly number[] }[]
}

export interface ActiveProducer {
  readonly producerId: number
  readonly producerEpoch: number
  readonly lastTimestampMs: number
  /** Where its open transaction begins in the partition; -1: none is open. */
  readonly transactionStart: number
}

export interface PartitionProducers {
  readonly topic: string
  readonly partition: number
  readonly error: number
  readonly message: string | null
  readonly producers: readonly ActiveProducer[]
}

/** Who writes partitions that the node leads. Since Kafka 2.8. */
export const describeProducers: KafkaApi<DescribeProducersRequest, readonly PartitionProducers[]> = {
  key: 61,
  name: 'DescribeProducers',
  min: 0,
  max: 0,
  flexible: 0,
  encode({ topics }, _version, out) {
    out.compactArray(topics, ({ name, partitions }) => {
      out.compactString(name)
      out.compactArray(partitions, (partition) => out.int32(partition))
      out.tags()
    })
    out.tags()
  },
  decode(answer) {
    answer.throttle()
    const topics = answer.compactArray(() => {
      const topic = answer.compactString()
      const partitions = answer.compactArray((): PartitionProducers => {
        const head = { partition: answer.int32(), error: answer.int16(), message: answer.compactNullableString() }
        const producers = answer.compactArray((): ActiveProducer => {
          const producerId = answer.int64()
          const producerEpoch = answer.int32()
          answer.int32()
          const lastTimestampMs = answer.int64()
          answer.int32()
          const transactionStart = answer.int64()
          answer.tags()
          return { producerId, producerEpoch, lastTimestampMs, transactionStart }
        })
        answer.tags()
        return { topic, ...head, producers }
      })
      answer.tags()
      return partitions
    })
    return topics.flat()
  },
}
