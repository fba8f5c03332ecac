import type { KafkaApi } from '../api.ts'

/** What has a configuration, by the protocol's number. */
const RESOURCE = { topic: 2, broker: 4 } as const

export interface DescribeConfigsRequest {
  readonly resource: keyof typeof RESOURCE
  /** A topic, or the id of a broker. */
  readonly name: string
  /** Which; null: all. */
  readonly keys: readonly string[] | null
}

export interface DescribedConfigs {
  readonly error: number
  readonly message: string | null
  /** Null: a secret. */
  readonly values: ReadonlyMap<string, string | null>
  /** Those that are set for this very topic. */
  readonly own: ReadonlySet<string>
}

const DYNAMIC_TOPIC_CONFIG = 1

/** The configuration of one topic or broker; that of a broker is to be asked of itself. */
export const describeConfigs: KafkaApi<DescribeConfigsRequest, DescribedConfigs> = {
  key: 32,
  name: 'DescribeConfigs',
  min: 4,
  max: 4,
  flexible: 4,
  encode({ resource, name, keys }, _version, out) {
    out.compactArray([name], () => {
      out.int8(RESOURCE[resource])
      out.compactString(name)
      out.compactArray(keys, (key) => out.compactString(key))
      out.tags()
    })
    out.bool(false)
    out.bool(false)
    out.tags()
  },
  decode(answer) {
    answer.throttle()
    const own = new Set<string>()
    const [described] = answer.compactArray((): DescribedConfigs => {
      const error = answer.int16()
      const message = answer.compactNullableString()
      answer.int8()
      answer.compactString()
      const values = answer.compactArray((): [string, string | null] => {
        const entry: [string, string | null] = [answer.compactString(), answer.compactNullableString()]
        answer.bool()
        if (answer.int8() === DYNAMIC_TOPIC_CONFIG) own.add(entry[0])
        answer.bool()
        answer.compactArray(() => {
          answer.compactString()
          answer.compactNullableString()
          answer.int8()
          answer.tags()
        })
        answer.int8()
        answer.compactNullableString()
        answer.tags()
        return entry
      })
      answer.tags()
      return { error, message, values: new Map(values), own }
    })
    return described ?? { error: 0, message: null, values: new Map(), own }
  },
}
