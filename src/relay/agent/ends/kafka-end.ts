import { MillraceError } from '../../../errors.ts'
import type { HandledAs } from '../../handlers/spec.ts'
import { type FromKafkaOptions, fromKafka } from '../../kafka/from-kafka.ts'
import { kafkaRecords } from '../../kafka/kafka-records.ts'
import { byTopic, byTopicHash, type RelayedKafka } from '../../kafka/relayed-kafka.ts'
import { type ToKafkaOptions, toKafka } from '../../kafka/to-kafka.ts'
import type { EndOptions } from '../agent-config.ts'
import type { AgentEnd } from '../agent-end.ts'
import { withFixed } from '../fixed-options.ts'
import { withPassword } from '../secrets.ts'

/** What the option `values` may say of records' values, and what that is to handlers. */
const VALUES: Readonly<Record<string, HandledAs>> = {
  bytes: 'records',
  json: 'json-records',
  changes: 'change-records',
}

/**
 * Topics of one cluster into another one: options of `fromKafka` and `toKafka`, the site being the relay's; `values`, as which handlers take what is
 * in the records: `bytes` (default), `json` or `changes`; and `streams`, how many of the relay share the topics, for more than 1,000 of them.
 */
export const kafkaEnd: AgentEnd<RelayedKafka> = {
  codec: kafkaRecords,
  streamOf: ({ streams }) => {
    if (streams === undefined) return byTopic
    if (Number.isInteger(streams) && Number(streams) >= 1 && Number(streams) <= 1000)
      return byTopicHash(Number(streams))
    throw wrong('streams', 'expected a whole number from 1 to 1000')
  },
  handledAs: ({ values = 'bytes' }) => {
    const of = typeof values === 'string' && Object.hasOwn(VALUES, values) ? VALUES[values] : undefined
    if (of !== undefined) return of
    throw wrong('values', `expected one of ${Object.keys(VALUES).join(', ')}`)
  },
  read: (flow, options, site) => fromKafka(flow, 'from', optionsOf<FromKafkaOptions>(options, site)),
  write: (stream, options, site) => toKafka(stream, 'to', optionsOf<ToKafkaOptions>(options, site)),
}

function optionsOf<T>({ values: _, streams: _s, sasl, ...options }: EndOptions, site: string): T {
  const secured = typeof sasl === 'object' && sasl !== null ? withPassword(sasl as EndOptions, 'sasl.password') : sasl
  return withFixed({ ...options, ...(sasl !== undefined && { sasl: secured }) }, { site }) as T
}

function wrong(path: string, reason: string): MillraceError {
  return new MillraceError('CONNECTOR_OPTION', { path, connector: 'kafka', reason })
}
