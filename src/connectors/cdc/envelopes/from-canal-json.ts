// fromCanalJson: changes from canal's flat messages.

import { parseExactJson, setField } from '../../../codec/exact-json.ts'
import type { ProcessFunction } from '../../../contract/process-function.ts'
import type { Change, ChangeSource } from '../../../record/change.ts'
import { bytesOf } from './connect-values.ts'
import { declaredType } from './declared-type.ts'
import { type DecoderOptions, EnvelopeDecoder, fieldsOf, kindText, Malformed, textOf } from './envelope-decoder.ts'
import type { EnvelopeInput } from './envelope-record.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * Changes of canal's flat messages: `.process('changes', fromCanalJson<Order>())`. canal has every value as a string; by `mysqlType`
 * integers become numbers, a bigint a bigint, bytes (base64) bytes; the rest stay strings. Messages of DDL give nothing, TRUNCATE apart.
 */
export function fromCanalJson<Row = Record<string, unknown>>(
  options: DecoderOptions = {},
): () => ProcessFunction<EnvelopeInput, Change<Row>> {
  return () =>
    new EnvelopeDecoder<Row>('canal-json', (record) => decodeCanalJson(record) as readonly Change<Row>[], options)
}

const OPS: Readonly<Record<string, 'c' | 'u' | 'd'>> = { INSERT: 'c', UPDATE: 'u', DELETE: 'd' }

/** The changes of one message. Throws Malformed and SyntaxError. */
export function decodeCanalJson({ value }: EnvelopeInput): readonly Change<Fields>[] {
  if (value === null) return []
  const message = fieldsOf(parseExactJson(value), 'the value')
  const type = textOf(message, 'type', 'the message')
  const source = sourceOf(message)
  if (type === 'TRUNCATE') return [{ op: 't', before: null, after: null, key: [], source }]
  const op = Object.hasOwn(OPS, type) ? OPS[type] : undefined
  if (op === undefined && message.isDdl === true) return []
  if (op === undefined) throw new Malformed(`type is "${type}": expected INSERT, UPDATE or DELETE`)
  return rowsOf(message, op).map((row) => ({ ...row, source }))
}

function rowsOf(message: Fields, op: 'c' | 'u' | 'd'): readonly Omit<Change<Fields>, 'source'>[] {
  const { data, old } = message
  if (!Array.isArray(data)) throw new Malformed(`data is ${kindText(data)}: expected an array`)
  const types = message.mysqlType
  const valuesOf = typed(types === null || types === undefined ? {} : fieldsOf(types, 'mysqlType'))
  const pkNames = Array.isArray(message.pkNames) ? message.pkNames.map(String) : []
  const keyOf = (row: Fields): readonly unknown[] => pkNames.map((name) => row[name])
  return data.map((one: unknown, index) => {
    const row = valuesOf(fieldsOf(one, 'an entry of data'))
    if (op === 'd') return { op, before: row, after: null, key: keyOf(row) }
    if (op === 'c') return { op, before: null, after: row, key: keyOf(row) }
    const was: unknown = Array.isArray(old) ? old[index] : undefined
    if (was === undefined || was === null) return { op, before: null, after: row, key: keyOf(row) }
    const changed = valuesOf(fieldsOf(was, 'an entry of old'))
    const before = withFields(row, changed)
    const moved = pkNames.some((name) => Object.hasOwn(changed, name))
    return { op, before, after: row, key: keyOf(row), ...(moved ? { oldKey: keyOf(before) } : {}) }
  })
}

function sourceOf(message: Fields): ChangeSource {
  const { es, gtid } = message
  return {
    connector: 'canal',
    database: textOf(message, 'database', 'the message'),
    table: textOf(message, 'table', 'the message'),
    position: '',
    timestampMs: typeof es === 'number' ? es : 0,
    snapshot: false,
    ...(typeof gtid === 'string' && gtid !== '' ? { transaction: gtid } : {}),
  }
}

function withFields(row: Fields, changed: Fields): Fields {
  const fields: Record<string, unknown> = {}
  for (const name of Object.keys(row)) setField(fields, name, Object.hasOwn(changed, name) ? changed[name] : row[name])
  return fields
}

/** Rows with their values by type, one converter for each column. */
function typed(types: Fields): (row: Fields) => Fields {
  const converters = new Map(Object.keys(types).map((name) => [name, converterOf(name, String(types[name]))]))
  return (row) => {
    const fields: Record<string, unknown> = {}
    for (const name of Object.keys(row)) {
      const value = row[name]
      const convert = typeof value === 'string' ? converters.get(name) : undefined
      setField(fields, name, convert === undefined ? value : convert(value as string))
    }
    return fields
  }
}

function converterOf(name: string, type: string): ((text: string) => unknown) | undefined {
  const { base } = declaredType(type)
  if (base === 'bigint') return (text) => bigintOf(name, text)
  if (/^(tinyint|smallint|mediumint|int|integer|year|float|double|real)$/.test(base))
    return (text) => numberOf(name, text)
  return /blob$|binary$|^(bit|geometry|vector)$/.test(base) ? bytesOf : undefined
}

function bigintOf(name: string, text: string): bigint {
  if (!/^-?\d+$/.test(text)) throw new Malformed(`column "${name}" is "${text}": expected an integer`)
  return BigInt(text)
}

/** Integers of SQLite go beyond a double: those are bigints. */
function numberOf(name: string, text: string): number | bigint {
  const number = text === '' ? Number.NaN : Number(text)
  if (Number.isNaN(number)) throw new Malformed(`column "${name}" is "${text}": expected a number`)
  return /^-?\d+$/.test(text) && !Number.isSafeInteger(number) ? BigInt(text) : number
}
