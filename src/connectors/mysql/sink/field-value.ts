// Fields of objects as values of columns. What would be stored as something else is refused, with a word on why.

import { jsonText } from '../../../codec/json-text.ts'
import { decimalText, isDecimal } from '../../../util/decimal.ts'
import type { MysqlValue } from '../column.ts'
import { RowRefusal } from './row-refusal.ts'
import type { TargetColumn } from './target-definition.ts'

const INTEGER = /^(tinyint|smallint|mediumint|int|bigint|year|bit)$/
const NUMBER = /^(tinyint|smallint|mediumint|int|bigint|year|bit|decimal|float|double)$/
const TEXT = /^(char|varchar|tinytext|text|mediumtext|longtext)$/
const BYTES = /^(binary|varbinary|tinyblob|blob|mediumblob|longblob|bit|geometry|vector)$/
const JSON_LIKE = /^(json|longtext)$/

/** The value of one field for its column. Throws RowRefusal. */
export function fieldValue(value: unknown, column: TargetColumn): MysqlValue {
  switch (typeof value) {
    case 'string':
      return fromText(value, column)
    case 'number':
      return fromNumber(value, column)
    case 'bigint':
      return fromBigint(value, column)
    case 'boolean':
      return INTEGER.test(column.kind)
        ? Number(value)
        : column.kind === 'json'
          ? String(value)
          : refuse('a boolean', column)
    case 'object':
      return value === null ? null : fromObject(value, column)
    default:
      return refuse(value === undefined ? 'undefined' : `a ${typeof value}`, column)
  }
}

/** The declared type of a column made for values like this one; undefined if it does not tell. */
export function typeFor(value: unknown, isKey: boolean): string | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? 'BIGINT' : 'DOUBLE'
  if (typeof value === 'bigint') return 'BIGINT'
  if (typeof value === 'boolean') return 'BOOLEAN'
  if (typeof value === 'string') return isKey ? 'VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin' : 'LONGTEXT'
  if (typeof value !== 'object' || value === null) return undefined
  if (isDecimal(value)) return 'DECIMAL(65,30)'
  if (value instanceof Date) return 'DATETIME(3)'
  if (value instanceof Uint8Array) return isKey ? 'VARBINARY(767)' : 'LONGBLOB'
  return isKey ? undefined : 'JSON'
}

const HALF_PAIR = /\p{Surrogate}/u
const DECIMAL = /^-?\d+(\.\d+)?$/
const INTEGER_TEXT = /^-?\d+$/

function fromText(value: string, column: TargetColumn): MysqlValue {
  if (HALF_PAIR.test(value)) return refuse('text with half a surrogate pair', column)
  if (INTEGER.test(column.kind) && INTEGER_TEXT.test(value)) return fromInteger(BigInt(value), column)
  if (column.kind === 'decimal' && DECIMAL.test(value)) return decimalOf(value, column)
  if (NUMBER.test(column.kind)) return refuse(JSON.stringify(value), column)
  if (BYTES.test(column.kind)) return refuse('text', column)
  return TEMPORAL.test(column.kind) ? momentOf(value, column) : value
}

/** One form for each, so that equal keys are found to be equal. */
function fromInteger(value: bigint, { kind }: TargetColumn): MysqlValue {
  return kind === 'bigint' || kind === 'bit' ? value : Number(value)
}

function fromBigint(value: bigint, column: TargetColumn): MysqlValue {
  if (INTEGER.test(column.kind)) return fromInteger(value, column)
  if (column.kind === 'decimal') return decimalOf(value.toString(), column)
  return column.kind === 'json' || isText(column) ? value.toString() : refuse('a bigint', column)
}

function fromNumber(value: number, column: TargetColumn): MysqlValue {
  if (!Number.isFinite(value)) return refuse(String(value), column)
  if (INTEGER.test(column.kind))
    return Number.isInteger(value) ? fromInteger(BigInt(value), column) : refuse('a number with a fraction', column)
  if (column.kind === 'decimal') return decimalOf(decimalOfNumber(value, column), column)
  if (NUMBER.test(column.kind)) return value
  return column.kind === 'json' || isText(column) ? String(value) : refuse('a number', column)
}

function fromObject(value: object, column: TargetColumn): MysqlValue {
  if (value instanceof Uint8Array) return BYTES.test(column.kind) ? value : refuse('bytes', column)
  if (value instanceof Date) return fromDate(value, column)
  if (isDecimal(value)) {
    const text = decimalText(value)
    if (column.kind === 'decimal') return decimalOf(text, column)
    if (isText(column) || column.kind === 'json') return text
    if (INTEGER.test(column.kind) && INTEGER_TEXT.test(text)) return fromInteger(BigInt(text), column)
    return refuse('a Decimal, which would be rounded there', column)
  }
  if (!JSON_LIKE.test(column.kind)) return refuse(Array.isArray(value) ? 'an array' : 'an object', column)
  return jsonText(value) ?? refuse('an object that JSON cannot say', column)
}

const TEMPORAL = /^(time|datetime|timestamp)$/

function fromDate(value: Date, column: TargetColumn): MysqlValue {
  if (Number.isNaN(value.getTime())) return refuse('an invalid Date', column)
  const iso = value.toISOString()
  if (!/^\d{4}-/.test(iso)) return refuse('a Date of a year beyond 0000 to 9999', column)
  if (column.kind === 'json') return JSON.stringify(iso)
  if (isText(column)) return iso
  if (column.kind === 'datetime' || column.kind === 'timestamp') return momentOf(iso.slice(0, -1), column)
  if (column.kind !== 'date') return refuse('a Date', column)
  return iso.endsWith('T00:00:00.000Z') ? iso.slice(0, 10) : refuse('a Date with a time', column)
}

function decimalOfNumber(value: number, column: TargetColumn): string {
  const text = String(value)
  return /e/.test(text) ? refuse('a number too large or too small for a decimal: give a Decimal', column) : text
}

/** As the server prints it; more digits behind the point would be rounded. */
function decimalOf(text: string, column: TargetColumn): string {
  const scale = Number(/\(\d+,(\d+)\)/.exec(column.type)?.[1] ?? 0)
  const [whole = '', digits = ''] = text.split('.')
  if (/[1-9]/.test(digits.slice(scale))) return refuse(`${text}, which would be rounded`, column)
  const plain = whole.replace(/^(-?)0+(?=\d)/, '$1')
  const padded = scale === 0 ? plain : `${plain}.${digits.slice(0, scale).padEnd(scale, '0')}`
  return /^-[0.]*$/.test(padded) ? padded.slice(1) : padded
}

const MOMENT = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d)(?:\.\d+)?)?$/

/** As the server prints it, where it is in the usual form; more digits of a second would be rounded. */
function momentOf(text: string, column: TargetColumn): string {
  const scale = Number(/\((\d)\)/.exec(column.type)?.[1] ?? 0)
  const digits = /\.(\d+)$/.exec(text)?.[1] ?? ''
  if (/[1-9]/.test(digits.slice(scale))) return refuse(`${text}, which would be rounded`, column)
  const match = MOMENT.exec(text)
  if (match === null) return text
  const [, date, time = '00:00:00'] = match
  return `${date} ${time}${scale === 0 ? '' : `.${digits.slice(0, scale).padEnd(scale, '0')}`}`
}

function isText({ kind }: TargetColumn): boolean {
  return TEXT.test(kind)
}

function refuse(what: string, { name, type }: TargetColumn): never {
  throw new RowRefusal(`column "${name}" (${type}) is given ${what}`)
}
