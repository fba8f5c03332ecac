import type { KafkaApi } from '../api.ts'
import type { TransactionOf } from './end-txn.ts'

export interface AddOffsetsToTxnRequest extends TransactionOf {
  readonly groupId: string
}

/** AddOffsetsToTxn: the transaction is going to commit offsets of this group. */
export const addOffsetsToTxn: KafkaApi<AddOffsetsToTxnRequest, { readonly code: number }> = {
  key: 25,
  name: 'AddOffsetsToTxn',
  min: 3,
  max: 4,
  flexible: 3,

  encode({ transactionalId, producer, groupId }, _version, out) {
    out.compactString(transactionalId)
    out.int64(producer.id)
    out.int16(producer.epoch)
    out.compactString(groupId)
    out.tags()
  },

  decode(answer) {
    answer.throttle()
    const code = answer.int16()
    answer.tags()
    return { code }
  },
}
