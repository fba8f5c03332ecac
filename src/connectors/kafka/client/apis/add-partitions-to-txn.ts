import type { KafkaApi } from '../api.ts'
import type { TransactionOf } from './end-txn.ts'

export interface AddPartitionsToTxnRequest extends TransactionOf {
  readonly topics: readonly { readonly name: string; readonly partitions: readonly number[] }[]
}

export interface AddedPartition {
  readonly topic: string
  readonly partition: number
  readonly code: number
}

/** AddPartitionsToTxn: what the transaction is going to write to. Version 4 and later are for brokers among themselves. */
export const addPartitionsToTxn: KafkaApi<AddPartitionsToTxnRequest, readonly AddedPartition[]> = {
  key: 24,
  name: 'AddPartitionsToTxn',
  min: 3,
  max: 3,
  flexible: 3,

  encode({ transactionalId, producer, topics }, _version, out) {
    out.compactString(transactionalId)
    out.int64(producer.id)
    out.int16(producer.epoch)
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
      const partitions = answer.compactArray((): AddedPartition => {
        const partition = answer.int32()
        const code = answer.int16()
        answer.tags()
        return { topic, partition, code }
      })
      answer.tags()
      return partitions
    })
    answer.tags()
    return topics.flat()
  },
}
