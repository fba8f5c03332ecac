import type { KafkaApi } from '../api.ts'
import type { ProducerIdentity } from './init-producer-id.ts'

/** Whose transaction it is. */
export interface TransactionOf {
  readonly transactionalId: string
  readonly producer: ProducerIdentity
}

export interface EndTxnRequest extends TransactionOf {
  readonly committed: boolean
}

/** EndTxn: commits or aborts. Up to version 4: from 5 on partitions need not be added beforehand, and every answer brings a new epoch. */
export const endTxn: KafkaApi<EndTxnRequest, { readonly code: number }> = {
  key: 26,
  name: 'EndTxn',
  min: 3,
  max: 4,
  flexible: 3,

  encode({ transactionalId, producer, committed }, _version, out) {
    out.compactString(transactionalId)
    out.int64(producer.id)
    out.int16(producer.epoch)
    out.bool(committed)
    out.tags()
  },

  decode(answer) {
    answer.throttle()
    const code = answer.int16()
    answer.tags()
    return { code }
  },
}
