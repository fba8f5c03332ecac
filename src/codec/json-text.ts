import { type Decimal, decimalText, isDecimal } from '../util/decimal.ts'

/**
 * JSON as JSON.stringify writes it, and bigints as integers with all their digits. undefined for what JSON has no text for. Many
 * readers of JSON, JSON.parse among them, round integers beyond 2^53.
 */
export function jsonText(value: unknown): string | undefined {
  return textOf(value, '', false)
}

/** The same with Decimals as numbers with all their digits: what parseExactJson() reads. Throws RangeError for what is no number of JSON. */
export function exactJsonText(value: unknown): string | undefined {
  return textOf(value, '', true)
}

/** True for what JSON.stringify throws because of a bigint; then jsonText() is asked. It is several times slower. */
export function isBigintRefusal(error: unknown): boolean {
  return error instanceof TypeError && /BigInt/.test(error.message)
}

function textOf(given: unknown, key: string, exact: boolean): string | undefined {
  if (typeof given === 'bigint') return String(given)
  if (exact && typeof given === 'number') return exactNumberText(given)
  if (typeof given !== 'object' || given === null) return JSON.stringify(given)
  if (exact && isDecimal(given)) return exactDecimalText(given)
  const value = hasToJson(given) ? given.toJSON(key) : given
  if (typeof value !== 'object' || value === null) return value === given ? undefined : textOf(value, key, exact)
  if (value instanceof Number || value instanceof String || value instanceof Boolean) return JSON.stringify(value)
  return Array.isArray(value) ? listText(value, exact) : fieldsText(value as Readonly<Record<string, unknown>>, exact)
}

function listText(list: readonly unknown[], exact: boolean): string {
  let text = '['
  for (let i = 0; i < list.length; i += 1) text += `${i === 0 ? '' : ','}${textOf(list[i], String(i), exact) ?? 'null'}`
  return `${text}]`
}

function fieldsText(fields: Readonly<Record<string, unknown>>, exact: boolean): string {
  let text = ''
  for (const name of Object.keys(fields)) {
    const field = textOf(fields[name], name, exact)
    if (field !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${field}`
  }
  return `{${text}}`
}

function hasToJson(value: object): value is { toJSON(key: string): unknown } {
  return typeof (value as { toJSON?: unknown }).toJSON === 'function'
}

function exactNumberText(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError(`${value}, which JSON has no number for`)
  // An integer that a double is not sure of is written with an exponent, so that it is read as a double again.
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? value.toExponential() : JSON.stringify(value)
}

/** With an exponent where it would otherwise be read as an integer: it stays a Decimal, unless a double says as much. */
function exactDecimalText(value: Decimal): string {
  if (!value.isFinite()) throw new RangeError(`${value}, which JSON has no number for`)
  const text = decimalText(value)
  return /^-?\d+$/.test(text) ? `${text}e0` : text
}
