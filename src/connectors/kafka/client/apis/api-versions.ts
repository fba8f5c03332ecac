import { API_VERSIONS_KEY, type KafkaApi } from '../api.ts'
import type { WireReader } from '../wire.ts'

export interface VersionRange {
  readonly min: number
  readonly max: number
}

export interface ApiVersionsAnswer {
  readonly error: number
  readonly apis: ReadonlyMap<number, VersionRange>
  /** Features that the broker's software has, with their levels. */
  readonly features: ReadonlyMap<string, VersionRange>
}

/** What a broker can do. The only request that may be sent before authentication. */
export const apiVersions: KafkaApi<Record<never, never>, ApiVersionsAnswer> = {
  key: API_VERSIONS_KEY,
  name: 'ApiVersions',
  min: 3,
  max: 3,
  flexible: 3,
  encode(_request, _version, out) {
    out.compactString('millrace')
    out.compactString('1')
    out.tags()
  },
  decode(answer) {
    const error = answer.int16()
    // To a broker that has not this version, the answer is of version 0, and nothing more of it is needed.
    if (error !== 0) return { error, apis: new Map(), features: new Map() }
    const apis = new Map(answer.compactArray(apiRange))
    answer.throttle()
    let features: [string, VersionRange][] = []
    answer.tags((tag, field) => {
      if (tag === 0) features = field.compactArray(featureRange)
    })
    return { error, apis, features: new Map(features) }
  },
}

function apiRange(answer: WireReader): [number, VersionRange] {
  const entry: [number, VersionRange] = [answer.int16(), { min: answer.int16(), max: answer.int16() }]
  answer.tags()
  return entry
}

function featureRange(answer: WireReader): [string, VersionRange] {
  const entry: [string, VersionRange] = [answer.compactString(), { min: answer.int16(), max: answer.int16() }]
  answer.tags()
  return entry
}
