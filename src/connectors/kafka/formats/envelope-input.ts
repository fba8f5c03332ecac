import type { EnvelopeInput } from '../../cdc/envelopes/envelope-record.ts'
import type { KafkaRecord } from '../records/kafka-record.ts'
import { utf8Text } from './utf8.ts'

/** A record as the decoders of envelopes take it. Throws where key or value is not UTF-8. */
export function envelopeInput({ topic, offset, key, value }: KafkaRecord): EnvelopeInput {
  return {
    topic,
    offset,
    key: key === null ? null : utf8Text(key, 'the key'),
    value: value === null ? null : utf8Text(value, 'the value'),
  }
}
