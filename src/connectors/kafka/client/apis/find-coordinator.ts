import type { KafkaApi } from '../api.ts'

export type CoordinatorKind = 'group' | 'transaction'

export interface FindCoordinatorAnswer {
  readonly error: number
  readonly message: string | null
  readonly node: number
  readonly host: string
  readonly port: number
}

/** Which broker looks after a group or a transactional id. */
export const findCoordinator: KafkaApi<{ readonly kind: CoordinatorKind; readonly id: string }, FindCoordinatorAnswer> =
  {
    key: 10,
    name: 'FindCoordinator',
    min: 3,
    max: 3,
    flexible: 3,
    encode({ kind, id }, _version, out) {
      out.compactString(id)
      out.int8(kind === 'group' ? 0 : 1)
      out.tags()
    },
    decode(answer) {
      answer.throttle()
      return {
        error: answer.int16(),
        message: answer.compactNullableString(),
        node: answer.int32(),
        host: answer.compactString(),
        port: answer.int32(),
      }
    },
  }
