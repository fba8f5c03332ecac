// The `source` block of Debezium's envelope: its text, and Kafka Connect's fields of it.

import type { ChangeSource } from '../../../record/change.ts'

/** What wrote the events, as Debezium's own say their release. */
const VERSION = 'millrace-1'

const LOG_PLACE = /^(.+):(0|[1-9]\d{0,14})$/

/** Connectors whose places are file and position, and whose transactions are GTIDs. */
function hasBinaryLog(connector: string): boolean {
  return connector === 'mysql' || connector === 'mariadb'
}

/** The block's text. Places and transactions of other sources than MySQL's are under `position` and `txId`. */
export function sourceText(source: ChangeSource, name: string): string {
  const { connector, database, table, position, timestampMs, snapshot, transaction } = source
  const head =
    `{"version":"${VERSION}","connector":${JSON.stringify(connector)},"name":${JSON.stringify(name)},` +
    `${timesText(timestampMs)},"snapshot":"${snapshot}","db":${JSON.stringify(database)},"sequence":null,"table":${JSON.stringify(table)}`
  const text = (value: string | undefined): string => (value === undefined ? 'null' : JSON.stringify(value))
  const place = hasBinaryLog(connector) ? LOG_PLACE.exec(position) : null
  if (!hasBinaryLog(connector)) return `${head},"txId":${text(transaction)},"position":${JSON.stringify(position)}}`
  return (
    `${head},"server_id":0,"gtid":${text(transaction)},"file":${JSON.stringify(place?.[1] ?? '')},"pos":${place?.[2] ?? '0'},` +
    `"row":0,"thread":null,"query":null,"position":${place === null ? JSON.stringify(position) : 'null'}}`
  )
}

/** `ts_ms`, `ts_us` and `ts_ns` of a time: written, not multiplied, for a double does not hold nanoseconds. */
export function timesText(timestampMs: number): string {
  const ms = String(Math.trunc(timestampMs) + 0)
  const [us, ns] = ms === '0' ? ['0', '0'] : [`${ms}000`, `${ms}000000`]
  return `"ts_ms":${ms},"ts_us":${us},"ts_ns":${ns}`
}

const field = (name: string, type: string, optional = false): object => ({ type, optional, field: name })
const TIMES = [field('ts_ms', 'int64'), field('ts_us', 'int64'), field('ts_ns', 'int64')]

/** Kafka Connect's schema of the block. */
function sourceSchema(connector: string): object {
  const common = [
    field('version', 'string'),
    field('connector', 'string'),
    field('name', 'string'),
    ...TIMES,
    field('snapshot', 'string', true),
    field('db', 'string'),
    field('sequence', 'string', true),
    field('table', 'string', true),
  ]
  const own = hasBinaryLog(connector)
    ? [
        field('server_id', 'int64'),
        field('gtid', 'string', true),
        field('file', 'string'),
        field('pos', 'int64'),
        field('row', 'int32'),
        field('thread', 'int64', true),
        field('query', 'string', true),
        field('position', 'string', true),
      ]
    : [field('txId', 'string', true), field('position', 'string')]
  const name = `io.debezium.connector.${connector}.Source`
  return { type: 'struct', fields: [...common, ...own], optional: false, name, field: 'source' }
}

/** Kafka Connect's schema of the whole envelope, around the fields of a row. */
export function envelopeSchema(connector: string, topic: string, fields: readonly object[]): object {
  const row = (which: string): object => ({
    type: 'struct',
    fields,
    optional: true,
    name: `${topic}.Value`,
    field: which,
  })
  const transaction = {
    type: 'struct',
    fields: [field('id', 'string'), field('total_order', 'int64'), field('data_collection_order', 'int64')],
    optional: true,
    name: 'event.block',
    version: 1,
    field: 'transaction',
  }
  const rest = [field('op', 'string'), ...['ts_ms', 'ts_us', 'ts_ns'].map((name) => field(name, 'int64', true))]
  const all = [row('before'), row('after'), sourceSchema(connector), transaction, ...rest]
  return { type: 'struct', fields: all, optional: false, name: `${topic}.Envelope`, version: 2 }
}
