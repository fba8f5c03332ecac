// fromDebeziumJson: changes from messages as Debezium writes them.

import { parseExactJson } from '../../../codec/exact-json.ts'
import type { ProcessFunction } from '../../../contract/process-function.ts'
import type { Change, ChangeSource } from '../../../record/change.ts'
import { fieldNamed, mayBeRounded, rowTypes, type SchemaField, typedRow } from './connect-values.ts'
import { type DecoderOptions, EnvelopeDecoder, fieldsOf, kindText, Malformed, textOf } from './envelope-decoder.ts'
import type { EnvelopeInput } from './envelope-record.ts'
import { type ColumnChange, columnOf } from './table-changes.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * Changes of Debezium's JSON messages, with or without schemas: `.process('changes', fromDebeziumJson<Order>())`. With schemas an int64 is
 * a bigint, bytes are bytes and a Connect Decimal is a Decimal; without, values are what the JSON says, numbers exactly. Tombstones and
 * markers of transactions give nothing; a key that changed is a delete and a create, as it was written.
 */
export function fromDebeziumJson<Row = Record<string, unknown>>(
  options: DecoderOptions = {},
): () => ProcessFunction<EnvelopeInput, Change<Row>> {
  return () => new EnvelopeDecoder<Row>('debezium-json', (record) => decode(record) as readonly Change<Row>[], options)
}

/** A document and what its schema says, if it has one. */
interface Message {
  readonly payload: Fields
  readonly schema: SchemaField | undefined
}

const ROW_OPS = ['r', 'c', 'u', 'd'] as const

function decode(record: EnvelopeInput): readonly Change<Fields>[] {
  const message = record.value === null ? undefined : messageOf(record.value, 'value')
  if (message === undefined) return []
  const { payload } = message
  if (Array.isArray(payload.tableChanges)) return schemaChanges(payload, payload.tableChanges)
  // The topic of transactions: where one begins and ends.
  if (payload.op === undefined && (payload.status === 'BEGIN' || payload.status === 'END')) return []
  const op = textOf(payload, 'op', 'the payload')
  const source = sourceOf(payload)
  if (op === 't') return [{ op, before: null, after: null, key: [], source }]
  const known = ROW_OPS.find((one) => one === op)
  if (known === undefined) throw new Malformed(`op is "${op}": expected r, c, u, d or t`)
  const types = rowTypes(fieldNamed(message.schema, 'after') ?? fieldNamed(message.schema, 'before'))
  const row = (which: 'before' | 'after'): Fields | null => {
    const value = payload[which]
    return value === null || value === undefined ? null : typedRow(fieldsOf(value, which), types)
  }
  const after = known === 'd' ? null : row('after')
  if (after === null && known !== 'd') throw new Malformed(`after is ${kindText(payload.after)}: expected an object`)
  const before = known === 'u' || known === 'd' ? row('before') : null
  return [{ op: known, before, after, key: keyOf(record.key), source }]
}

/** Times in the envelope have more digits than a double, but nobody reads those: only rows are worth reading exactly. */
function messageOf(text: string, what: 'value' | 'key'): Message | undefined {
  const message = withSchema(JSON.parse(text), what)
  if (message === undefined) return undefined
  const { payload } = message
  const rows = what === 'key' ? [payload] : [payload.before, payload.after]
  const exact = !LONG_FRACTION.test(text) && !rows.some((row) => mayBeRounded(row as Fields))
  return exact ? message : withSchema(parseExactJson(text), what)
}

function withSchema(document: unknown, what: string): Message | undefined {
  const fields = fieldsOf(document, `the ${what}`)
  if (!Object.hasOwn(fields, 'schema') || !Object.hasOwn(fields, 'payload'))
    return { payload: fields, schema: undefined }
  if (fields.payload === null) return undefined
  const schema = fields.schema === null ? undefined : (fieldsOf(fields.schema, 'the schema') as SchemaField)
  return { payload: fieldsOf(fields.payload, 'the payload'), schema }
}

/** Digits behind a point that a double may lose without a trace. */
const LONG_FRACTION = /\.\d{15}|\d[eE][+-]?\d{3}/

function keyOf(text: string | null | undefined): readonly unknown[] {
  const message = text === null || text === undefined ? undefined : messageOf(text, 'key')
  return message === undefined ? [] : Object.values(typedRow(message.payload, rowTypes(message.schema)))
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
