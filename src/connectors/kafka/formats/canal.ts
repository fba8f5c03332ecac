import type { Change } from '../../../record/change.ts'
import { decodeCanalJson } from '../../cdc/envelopes/from-canal-json.ts'
import { envelopeInput } from './envelope-input.ts'
import type { ReadFormat } from './format.ts'

/** Changes of canal's flat messages, as fromCanalJson() reads them: a message may hold several. DDL gives nothing, TRUNCATE apart. */
export function canal<Row = Record<string, unknown>>(): ReadFormat<Change<Row>> {
  return {
    read(record, out) {
      const changes = decodeCanalJson(envelopeInput(record))
      for (let i = 0; i < changes.length; i += 1) out.push(changes[i] as Change<Row>)
    },
  }
}
