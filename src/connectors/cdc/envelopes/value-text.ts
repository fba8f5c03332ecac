// Values as JSON text: exact, whatever their type.

import { jsonText } from '../../../codec/json-text.ts'
import { Decimal, decimalText, isDecimal } from '../../../util/decimal.ts'
import { type DeclaredType, isDecimalType } from './declared-type.ts'

/** Decimals as a string of all their digits, as a JSON number of all their digits, or as Kafka Connect's bytes and scale. */
export type Decimals = 'string' | 'number' | 'precise'

/** What a value's text depends on beside the value. */
export interface ValueColumn {
  readonly name: string
  readonly declared: DeclaredType
  readonly decimals: Decimals
}

const DAY_MS = 86_400_000

/** The JSON text of a value. Throws RangeError for what JSON cannot say. */
export function valueText(value: unknown, column: ValueColumn): string {
  switch (typeof value) {
    case 'string':
      return column.decimals !== 'string' && isDecimalType(column.declared)
        ? decimalJson(new Decimal(value), column)
        : JSON.stringify(value)
    case 'number':
      return numberText(value)
    case 'bigint':
      return String(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'undefined':
      return 'null'
    case 'object':
      return value === null ? 'null' : objectText(value, column)
    default:
      throw new RangeError(`a ${typeof value}, which JSON cannot say`)
  }
}

/** An integer that a double is not sure of is written with an exponent, so that it is read as a double again. */
function numberText(value: number): string {
  if (Number.isSafeInteger(value)) return Object.is(value, -0) ? '-0' : String(value)
  if (!Number.isFinite(value)) throw new RangeError(`${value}, which JSON has no number for`)
  return Number.isInteger(value) ? value.toExponential() : String(value)
}

function objectText(value: object, column: ValueColumn): string {
  if (value instanceof Uint8Array) return `"${base64(value)}"`
  if (isDecimal(value)) return decimalJson(value, column)
  if (value instanceof Date) return dateText(value, column.declared)
  // As Debezium has JSON: a string that holds JSON.
  return JSON.stringify(jsonText(value) ?? 'null')
}

/** Bytes as base64. */
function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/** As Debezium: days of a date, milliseconds of anything else. */
function dateText(value: Date, { base }: DeclaredType): string {
  const ms = value.getTime()
  if (Number.isNaN(ms)) throw new RangeError('an invalid Date')
  return String(base === 'date' ? Math.floor(ms / DAY_MS) : ms)
}

function decimalJson(value: Decimal, { decimals, declared }: ValueColumn): string {
  if (decimals === 'string') return `"${decimalText(value)}"`
  if (!value.isFinite()) throw new RangeError(`${value}, which JSON has no number for`)
  return decimals === 'number' ? decimalText(value) : `"${base64(unscaledBytes(value, scaleOf(declared)))}"`
}

/** Digits behind the point of a declared decimal. */
export function scaleOf({ numbers }: DeclaredType): number {
  return numbers[1] ?? 0
}

/** Two's complement, big-endian, as short as can be, of the value without its point. Throws RangeError if digits were lost. */
function unscaledBytes(value: Decimal, scale: number): Uint8Array {
  const shifted = value.times(new Decimal(10).pow(scale))
  if (!shifted.isInteger())
    throw new RangeError(`${value}, which has more than the declared ${scale} digits behind the point`)
  let unscaled = BigInt(shifted.toFixed(0))
  const bytes: number[] = []
  do {
    bytes.unshift(Number(BigInt.asUintN(8, unscaled)))
    unscaled >>= 8n
  } while (unscaled !== ((bytes[0] as number) >= 0x80 ? -1n : 0n))
  return Uint8Array.from(bytes)
}

/** The reverse: the number that such bytes and a scale stand for. */
export function decimalOfBytes(bytes: Uint8Array, scale: number): Decimal {
  let unscaled = 0n
  for (const byte of bytes) unscaled = (unscaled << 8n) | BigInt(byte)
  return new Decimal(`${BigInt.asIntN(bytes.length * 8, unscaled)}e-${scale}`)
}
