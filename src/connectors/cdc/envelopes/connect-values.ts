// Values of a message by Kafka Connect's schema of them.

import { setField } from '../../../codec/exact-json.ts'
import { Malformed } from './envelope-decoder.ts'
import { decimalOfBytes } from './value-text.ts'

/** A field of a struct, as a schema in JSON has it. */
export interface SchemaField {
  readonly type?: unknown
  readonly name?: unknown
  readonly field?: unknown
  readonly fields?: unknown
  readonly parameters?: unknown
}

/** What a value becomes. */
type Convert = (value: unknown) => unknown

const asIs: Convert = (value) => value
const CONNECT_DECIMAL = 'org.apache.kafka.connect.data.Decimal'
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

/** By column, what its values become; columns that a schema does not name stay as they are. */
export type RowTypes = ReadonlyMap<string, Convert>

/** Of the struct's fields. */
export function rowTypes(struct: SchemaField | undefined): RowTypes {
  const fields = Array.isArray(struct?.fields) ? (struct.fields as readonly SchemaField[]) : []
  return new Map(fields.map((field) => [String(field.field), convertOf(field)]))
}

/** A field's own schema, by name. */
export function fieldNamed(struct: SchemaField | undefined, name: string): SchemaField | undefined {
  const fields = Array.isArray(struct?.fields) ? (struct.fields as readonly SchemaField[]) : []
  return fields.find((field) => field.field === name)
}

/** A row with its values as the types say. */
export function typedRow(row: Readonly<Record<string, unknown>>, types: RowTypes): Record<string, unknown> {
  const typed: Record<string, unknown> = {}
  for (const name of Object.keys(row)) {
    const value = row[name]
    const convert = types.get(name)
    setField(typed, name, convert === undefined || value === null ? value : convert(value))
  }
  return typed
}

function convertOf({ type, name, parameters }: SchemaField): Convert {
  switch (type) {
    case 'int64':
      // A time stays the number it is written as; a plain one is what a source calls a bigint.
      return name === undefined || name === null ? toBigint : asIs
    case 'bytes': {
      const scale = Number((parameters as { scale?: unknown } | undefined)?.scale ?? 0)
      return name === CONNECT_DECIMAL ? (value) => decimalOfBytes(bytesOf(value), scale) : bytesOf
    }
    default:
      return asIs
  }
}

function toBigint(value: unknown): bigint {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value)
  throw new Malformed(`${String(value)} is no int64`)
}

/** Bytes of base64. */
export function bytesOf(value: unknown): Uint8Array {
  if (typeof value !== 'string' || !BASE64.test(value)) throw new Malformed('bytes that are not base64')
  return new Uint8Array(Buffer.from(value, 'base64'))
}

/** Whether an integer may not be what the text said, unless the text is read exactly. */
export function mayBeRounded(values: Readonly<Record<string, unknown>> | undefined): boolean {
  for (const name in values) {
    const value = values[name]
    if (typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER) return true
  }
  return false
}
