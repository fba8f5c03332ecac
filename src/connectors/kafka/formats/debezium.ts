import type { Change } from '../../../record/change.ts'
import { debeziumDecoder } from '../../cdc/envelopes/from-debezium-json.ts'
import { envelopeInput } from './envelope-input.ts'
import type { ReadFormat } from './format.ts'

/**
 * Changes of Debezium's JSON messages, with or without schemas, as fromDebeziumJson() reads them. Tombstones and markers of transactions
 * give nothing.
 */
export function debezium<Row = Record<string, unknown>>(): ReadFormat<Change<Row>> {
  const decode = debeziumDecoder()
  return {
    read(record, out) {
      const changes = decode(envelopeInput(record))
      for (let i = 0; i < changes.length; i += 1) out.push(changes[i] as Change<Row>)
    },
  }
}
