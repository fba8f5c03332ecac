import type { KafkaApi } from '../api.ts'

export interface ListedTransaction {
  readonly id: string
  readonly producerId: number
  readonly state: string
}

export interface ListTransactionsAnswer {
  readonly error: number
  readonly transactions: readonly ListedTransaction[]
}

/** The transactional ids that one broker coordinates, of these producers or of all. Since Kafka 3.0. */
export const listTransactions: KafkaApi<{ readonly producerIds: readonly number[] }, ListTransactionsAnswer> = {
  key: 66,
  name: 'ListTransactions',
  min: 0,
  max: 0,
  flexible: 0,
  encode({ producerIds }, _version, out) {
    out.compactArray([], () => {})
    out.compactArray(producerIds, (id) => out.int64(id))
    out.tags()
  },
  decode(answer) {
    answer.throttle()
    const error = answer.int16()
    answer.compactArray(() => answer.compactString())
    const transactions = answer.compactArray((): ListedTransaction => {
      const read = { id: answer.compactString(), producerId: answer.int64(), state: answer.compactString() }
      answer.tags()
      return read
    })
    return { error, transactions }
  },
}
