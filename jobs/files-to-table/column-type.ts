/** What a column holds, as SQLite says it. */
export type ColumnType = 'integer' | 'real' | 'text'

export const COLUMN_TYPES: readonly ColumnType[] = ['integer', 'real', 'text']

export type Cell = string | number | bigint | null

const DIGITS = /^[+-]?\d+$/
const INTEGER = /^-?(0|[1-9]\d{0,18})$/
const REAL = /^-?(0|[1-9]\d*)?(\.\d+|\.)?([eE][+-]?\d+)?$/
const INTEGER_MAX = 2n ** 63n - 1n

/** The narrowest type of both. */
export function widen(a: ColumnType | undefined, b: ColumnType | undefined): ColumnType | undefined {
  if (a === undefined || b === undefined || a === b) return a ?? b
  return a === 'text' || b === 'text' ? 'text' : 'real'
}

/** What type a value suggests; undefined if it could be of any. */
export function typeOf(value: unknown): ColumnType | undefined {
  if (value === null || value === undefined || value === '') return undefined
  if (typeof value === 'boolean') return 'integer'
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'integer' : 'real'
  return 'text'
}

/** The same for a CSV field. `007`, `+49`, or more digits than SQLite keeps are texts: as numbers they would not come back. */
export function typeOfText(field: unknown): ColumnType | undefined {
  const text = String(field)
  if (text === '') return undefined
  if (DIGITS.test(text)) return INTEGER.test(text) && parseInteger(text) !== undefined ? 'integer' : 'text'
  return /\d/.test(text) && REAL.test(text) && Number.isFinite(Number(text)) ? 'real' : 'text'
}

/** A value as a column of a type takes it; undefined if it does not fit. An empty field is null, except in a text column. */
export function toCell(value: unknown, type: ColumnType): Cell | undefined {
  if (value === null || value === undefined) return null
  if (type === 'text') return toText(value)
  if (typeof value === 'string') return textToNumber(value, type)
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value !== 'number') return undefined
  return type === 'real' || Number.isSafeInteger(value) ? value : undefined
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function textToNumber(text: string, type: ColumnType): Cell | undefined {
  const trimmed = text.trim()
  if (trimmed === '') return null
  if (type === 'integer') return DIGITS.test(trimmed) ? parseInteger(trimmed) : undefined
  const number = Number(trimmed)
  return Number.isFinite(number) ? number : undefined
}

function parseInteger(text: string): number | bigint | undefined {
  const number = Number(text)
  if (Number.isSafeInteger(number)) return number
  const exact = BigInt(text.replace('+', ''))
  return exact > INTEGER_MAX || exact < -INTEGER_MAX - 1n ? undefined : exact
}
