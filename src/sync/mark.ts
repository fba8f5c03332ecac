// Marks: the records of a sync's topics that are no changes. A header tells them apart.

import { msgpackCodec } from '../codec/msgpack-codec.ts'
import type { Offset } from '../connectors/cdc/port.ts'
import type { WrittenRecord } from '../connectors/kafka/formats/format.ts'
import type { KafkaRecord } from '../connectors/kafka/records/kafka-record.ts'

/** What a mark says. */
export type Mark =
  /** In the control topic, first: where changes begin is fixed, every later one will be in its table's topic. */
  | { readonly type: 'begun' }
  /** In a table's full topic, last: it holds the table as of this place in the log. */
  | { readonly type: 'done'; readonly until: Offset }
  /** In the control topic, once for each part: these tables (as in topic names) have full topics, and all that is in them was written. */
  | {
      readonly type: 'closed'
      readonly part: number
      readonly parts: number
      readonly tables: readonly string[]
      /** When the part's last row was read, or later. */
      readonly atMs: number
    }

const HEADER = 'millrace-sync'

export function writeMark(topic: string, mark: Mark): WrittenRecord {
  return { topic, partition: 0, key: mark.type, value: msgpackCodec.encode(mark), headers: [[HEADER, '1']] }
}

/** Undefined: the record is a change. */
export function readMark({ headers, value }: KafkaRecord): Mark | undefined {
  if (headers.length === 0 || value === null || !headers.some(([name]) => name === HEADER)) return undefined
  return msgpackCodec.decode(value) as Mark
}
