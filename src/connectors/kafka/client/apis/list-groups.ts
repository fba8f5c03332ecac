import type { KafkaApi } from '../api.ts'

export interface ListGroupsAnswer {
  readonly error: number
  readonly groups: readonly string[]
}

/** The groups that one broker coordinates. */
export const listGroups: KafkaApi<Record<never, never>, ListGroupsAnswer> = {
  key: 16,
  name: 'ListGroups',
  min: 3,
  max: 3,
  flexible: 3,
  encode(_request, _version, out) {
    out.tags()
  },
  decode(answer) {
    answer.throttle()
    const error = answer.int16()
    const groups = answer.compactArray(() => {
      const group = answer.compactString()
      answer.compactString()
      answer.tags()
      return group
    })
    return { error, groups }
  },
}
