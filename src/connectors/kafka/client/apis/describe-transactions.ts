import type { KafkaApi } from '../api.ts'

export interface TransactionDescription {
  readonly error: number
  readonly id: string
  readonly state: string
  readonly timeoutMs: number
  /** -1: none was begun. */
  readonly startedMs: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[]
}

/** Transactional ids, from their coordinator. Since Kafka 3.0. */
export const describeTransactions: KafkaApi<{ readonly ids: readonly string[] }, readonly TransactionDescription[]> = {
  key: 65,
  name: 'DescribeTransactions',
  min: 0,
  max: 0,
  flexible: 0,
  encode({ ids }, _version, out) {
    out.compactArray(ids, (id) => out.compactString(id))
    out.tags()
  },
  decode(answer) {
    answer.throttle()
    return answer.compactArray((): TransactionDescription => {
      const head = {
        error: answer.int16(),
        id: answer.compactString(),
        state: answer.compactString(),
        timeoutMs: answer.int32(),
        startedMs: answer.int64(),
        producerId: answer.int64(),
        producerEpoch: answer.int16(),
      }
      const topics = answer.compactArray(() => {
        const topic = answer.compactString()
        const partitions = answer.compactArray(() => ({ topic, partition: answer.int32() }))
        answer.tags()
        return partitions
      })
      answer.tags()
      return { ...head, partitions: topics.flat() }
    })
  },
}
