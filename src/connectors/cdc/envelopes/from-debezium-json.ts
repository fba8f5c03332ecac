// fromDebeziumJson: changes from messages as Debezium writes them.

import type { ProcessFunction } from '../../../contract/process-function.ts'
import type { Change, ChangeSource } from '../../../record/change.ts'
import { typedRow } from './connect-values.ts'
import { DebeziumMessages, type Fields } from './debezium-messages.ts'
import { type DecoderOptions, EnvelopeDecoder, fieldsOf, kindText, Malformed, textOf } from './envelope-decoder.ts'
import type { EnvelopeInput } from './envelope-record.ts'
import { type ColumnChange, columnOf } from './table-changes.ts'

/**
 * Changes of Debezium's JSON messages, with or without schemas: `.process('changes', fromDebeziumJson<Order>())`. With schemas an int64 is
 * a bigint, bytes are bytes and a Connect Decimal is a Decimal; without, values are what the JSON says, numbers exactly. Tombstones and
 * markers of transactions give nothing; a key that changed is a delete and a create, as it was written.
 */
export function fromDebeziumJson<Row = Record<string, unknown>>(
  options: DecoderOptions = {},
): () => ProcessFunction<EnvelopeInput, Change<Row>> {
  return () => {
    const decode = debeziumDecoder()
    return new EnvelopeDecoder('debezium-json', (record) => decode(record) as readonly Change<Row>[], options)
  }
}

/** Gives the changes of one message. Remembers schemas, to read them once; throws Malformed and SyntaxError. */
export function debeziumDecoder(): (record: EnvelopeInput) => readonly Change<Fields>[] {
  const messages = new DebeziumMessages()
  return (record) => decode(record, messages)
}

const ROW_OPS = ['r', 'c', 'u', 'd'] as const

function decode({ key, value, topic = '' }: EnvelopeInput, messages: DebeziumMessages): readonly Change<Fields>[] {
  const message = value === null ? undefined : messages.read(value, 'value', topic)
  if (message === undefined) return []
  const { payload, types } = message
  if (Array.isArray(payload.tableChanges)) return schemaChanges(payload, payload.tableChanges)
  // The topic of transactions: where one begins and ends.
  if (payload.op === undefined && (payload.status === 'BEGIN' || payload.status === 'END')) return []
  const op = textOf(payload, 'op', 'the payload')
  const source = sourceOf(payload)
  if (op === 't') return [{ op, before: null, after: null, key: [], source }]
  const known = ROW_OPS.find((one) => one === op)
  if (known === undefined) throw new Malformed(`op is "${op}": expected r, c, u, d or t`)
  const row = (which: 'before' | 'after'): Fields | null => {
    const value = payload[which]
    return value === null || value === undefined ? null : typedRow(fieldsOf(value, which), types)
  }
  const after = known === 'd' ? null : row('after')
  if (after === null && known !== 'd') throw new Malformed(`after is ${kindText(payload.after)}: expected an object`)
  const keyed = key === null || key === undefined ? undefined : messages.read(key, 'key', topic)
  const keyValues = keyed === undefined ? [] : Object.values(typedRow(keyed.payload, keyed.types))
  const before = known === 'u' || known === 'd' ? row('before') : null
  return [{ op: known, before, after, key: keyValues, source }]
}

function sourceOf(payload: Fields): ChangeSource {
  const source = payload.source === undefined ? {} : fieldsOf(payload.source, 'source')
  const text = (name: string): string => (typeof source[name] === 'string' ? source[name] : '')
  const { schema, snapshot, file, pos, position } = source
  const transaction = transactionOf(source, payload)
  return {
    connector: text('connector'),
    database: text('db'),
    table: typeof schema === 'string' && schema !== '' ? `${schema}.${text('table')}` : text('table'),
    position: typeof position === 'string' ? position : file === undefined ? '' : `${String(file)}:${String(pos)}`,
    timestampMs: typeof source.ts_ms === 'number' ? source.ts_ms : 0,
    snapshot: snapshot !== undefined && snapshot !== null && snapshot !== false && snapshot !== 'false',
    ...(transaction === undefined ? {} : { transaction }),
  }
}

function transactionOf({ gtid, txId }: Fields, { transaction }: Fields): string | undefined {
  const id = gtid ?? txId ?? (transaction as { id?: unknown } | null | undefined)?.id
  return id === undefined || id === null ? undefined : String(id)
}

function schemaChanges(payload: Fields, changes: readonly unknown[]): readonly Change<Fields>[] {
  const source = sourceOf(payload)
  const definition = typeof payload.ddl === 'string' && changes.length === 1 ? { definition: payload.ddl } : {}
  return changes.flatMap((one) => {
    const { id, table } = fieldsOf(one, 'an entry of tableChanges')
    // A table that is gone has no columns.
    if (table === null || table === undefined) return []
    const { columns, primaryKeyColumnNames: key = [] } = fieldsOf(table, 'table of tableChanges')
    if (!Array.isArray(columns) || !Array.isArray(key)) throw new Malformed('tableChanges without columns')
    const schema = { columns: columns.map(columnChange), key: key.map(String), ...definition }
    const names = typeof id === 'string' ? namesOf(id) : []
    const of = { ...source, database: names[0] ?? source.database, table: names.slice(1).join('.') || source.table }
    return [{ op: 's', before: null, after: null, key: [], schema, source: of } satisfies Change<Fields>]
  })
}

function columnChange(value: unknown): ReturnType<typeof columnOf> {
  const fields = fieldsOf(value, 'a column of tableChanges')
  textOf(fields, 'name', 'a column of tableChanges')
  return columnOf(fields as unknown as ColumnChange)
}

/** `"shop"."orders"`, taken apart. */
function namesOf(id: string): readonly string[] {
  return [...id.matchAll(/"((?:[^"]|"")*)"/g)].map(([, name = '']) => name.replaceAll('""', '"'))
}
