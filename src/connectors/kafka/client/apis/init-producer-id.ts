import type { KafkaApi } from '../api.ts'

export interface InitProducerIdRequest {
  /** Null for a producer that is idempotent alone. */
  readonly transactionalId: string | null
  readonly transactionTimeoutMs: number
  /** Who asks, if it was given an id before: then it is fenced, not served, if another one has asked since. -1: nobody yet. */
  readonly producerId: number
  readonly producerEpoch: number
}

export interface ProducerIdentity {
  readonly id: number
  readonly epoch: number
}

/**
 * InitProducerId: ends what a producer of this transactional id has left open, and fences it. Version 3 (brokers since 2.5) is
 * the first that knows who asks.
 */
export const initProducerId: KafkaApi<InitProducerIdRequest, ProducerIdentity & { readonly code: number }> = {
  key: 22,
  name: 'InitProducerId',
  min: 3,
  max: 5,
  flexible: 2,

  encode({ transactionalId, transactionTimeoutMs, producerId, producerEpoch }, _version, out) {
    out.compactString(transactionalId)
    out.int32(transactionTimeoutMs)
    out.int64(producerId)
    out.int16(producerEpoch)
    out.tags()
  },

  decode(answer) {
    answer.throttle()
    const code = answer.int16()
    const id = answer.int64()
    const epoch = answer.int16()
    answer.tags()
    return { code, id, epoch }
  },
}
