import type { KafkaApi } from '../api.ts'
import type { TransactionOf } from './end-txn.ts'

export interface TxnOffsetCommitRequest extends TransactionOf {
  readonly groupId: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Up to 4,096 bytes, as brokers are set up by default. */
  readonly metadata: string
}

/** TxnOffsetCommit: an offset that counts once the transaction is committed. Sent to the group's coordinator. */
export const txnOffsetCommit: KafkaApi<TxnOffsetCommitRequest, { readonly code: number }> = {
  key: 28,
  name: 'TxnOffsetCommit',
  min: 3,
  max: 4,
  flexible: 3,

  encode({ transactionalId, producer, groupId, topic, partition, offset, metadata }, _version, out) {
    out.compactString(transactionalId)
    out.compactString(groupId)
    out.int64(producer.id)
    out.int16(producer.epoch)
    out.int32(-1) // generation: the group has no members
    out.compactString('')
    out.compactString(null)
    out.compactArray([topic], () => {
      out.compactString(topic)
      out.compactArray([partition], () => {
        out.int32(partition)
        out.int64(offset)
        out.int32(-1) // leader epoch
        out.compactString(metadata)
        out.tags()
      })
      out.tags()
    })
    out.tags()
  },

  decode(answer) {
    answer.throttle()
    const codes = answer.compactArray(() => {
      answer.compactString()
      const [code = 0] = answer.compactArray(() => {
        answer.int32()
        const each = answer.int16()
        answer.tags()
        return each
      })
      answer.tags()
      return code
    })
    answer.tags()
    return { code: codes[0] ?? 0 }
  },
}
