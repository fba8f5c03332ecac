// Kafka Connect's type of a column, by how it is declared and by what its values turned out to be.

import type { ColumnSchema } from '../../../record/change.ts'
import { isDecimal } from '../../../util/decimal.ts'
import { type DeclaredType, isDecimalType } from './declared-type.ts'
import { type Temporal, temporalType } from './temporal-type.ts'
import { type Decimals, scaleOf } from './value-text.ts'

/** A type of Kafka Connect's JSON schemas, without the field that has it. */
export interface ConnectType {
  readonly type: string
  readonly name?: string
  readonly version?: number
  readonly parameters?: Readonly<Record<string, string>>
}

/** What values of a column were seen to be. */
export type ValueKind =
  | 'null'
  | 'string'
  | 'integer'
  | 'long'
  | 'bigint'
  | 'fraction'
  | 'boolean'
  | 'bytes'
  | 'decimal'
  | 'date'
  | 'json'

const INT32_MAX = 2 ** 31 - 1

/** The kind of one value. */
export function kindOf(value: unknown): ValueKind {
  switch (typeof value) {
    case 'string':
    case 'bigint':
    case 'boolean':
      return typeof value as ValueKind
    case 'number':
      if (!Number.isSafeInteger(value)) return 'fraction'
      return Math.abs(value) <= INT32_MAX ? 'integer' : 'long'
    case 'object':
      if (value === null) return 'null'
      if (value instanceof Uint8Array) return 'bytes'
      if (value instanceof Date) return 'date'
      return isDecimal(value) ? 'decimal' : 'json'
    default:
      return 'null'
  }
}

const WIDTHS: readonly ValueKind[] = ['integer', 'long', 'bigint']

/** The kind of a column whose values were of one kind, and now are of another too. */
export function widerKind(seen: ValueKind, now: ValueKind): ValueKind {
  if (now === 'null' || seen === now) return seen
  if (seen === 'fraction' && (now === 'integer' || now === 'long')) return seen
  const [a, b] = [WIDTHS.indexOf(seen), WIDTHS.indexOf(now)]
  return a > b && b >= 0 ? seen : now
}

const INTEGERS: Readonly<Record<string, readonly [signed: string, unsigned: string]>> = {
  tinyint: ['int16', 'int16'],
  smallint: ['int16', 'int32'],
  mediumint: ['int32', 'int32'],
  int: ['int32', 'int64'],
  bigint: ['int64', 'int64'],
}

const STRINGS: Readonly<Record<string, string>> = {
  json: 'io.debezium.data.Json',
  jsonb: 'io.debezium.data.Json',
  enum: 'io.debezium.data.Enum',
  set: 'io.debezium.data.EnumSet',
  uuid: 'io.debezium.data.Uuid',
  xml: 'io.debezium.data.Xml',
}

/** What a column's type depends on beside its values. */
export interface TypedColumn {
  readonly declared: DeclaredType
  readonly decimals: Decimals
  readonly temporal: Temporal
}

/** The type of a column as values of that kind are written. */
export function connectType(column: TypedColumn, kind: ValueKind): ConnectType {
  const { declared, decimals, temporal } = column
  if (isDecimalType(declared) && (kind === 'string' || kind === 'null')) return decimalType(declared, decimals)
  const [type, name] = temporalType(declared, temporal) ?? []
  if (type !== undefined && (kind === 'null' || (kind === 'string') === (type === 'string')))
    return semantic(type, name)
  switch (kind) {
    case 'null':
      return connectType(column, usualKind(declared))
    case 'string':
      return semantic('string', Object.hasOwn(STRINGS, declared.base) ? STRINGS[declared.base] : undefined)
    case 'integer':
    case 'long':
    case 'bigint':
      return integerType(declared, kind)
    case 'fraction':
      return { type: declared.base === 'float' ? 'float' : 'double' }
    case 'decimal':
      return decimalType(declared, decimals)
    case 'date':
      return declared.base === 'date'
        ? semantic('int32', 'io.debezium.time.Date')
        : semantic('int64', 'io.debezium.time.Timestamp')
    case 'json':
      return semantic('string', STRINGS.json)
    default:
      return { type: kind }
  }
}

/** One column as a field of a struct. */
export function fieldOf(type: ConnectType, { name, nullable }: Pick<ColumnSchema, 'name' | 'nullable'>): object {
  return { ...type, optional: nullable, field: name }
}

/** What values of a column that was only ever NULL would most likely be. */
function usualKind({ base }: DeclaredType): ValueKind {
  if (base === 'bigint') return 'bigint'
  if (Object.hasOwn(INTEGERS, base) || base === 'year') return 'integer'
  if (base === 'float' || base === 'double' || base === 'real') return 'fraction'
  if (base === 'boolean' || base === 'bool') return 'boolean'
  return /blob|binary|^bit$|^bytea$|^geometry$|^vector$/.test(base) ? 'bytes' : 'string'
}

function integerType(declared: DeclaredType, kind: 'integer' | 'long' | 'bigint'): ConnectType {
  const { base, unsigned } = declared
  if (base === 'year') return semantic('int32', 'io.debezium.time.Year')
  if (base === 'float' || base === 'double' || base === 'real') return { type: base === 'float' ? base : 'double' }
  const widths = Object.hasOwn(INTEGERS, base) && kind === 'integer' ? INTEGERS[base] : undefined
  return { type: widths?.[unsigned ? 1 : 0] ?? 'int64' }
}

function decimalType(declared: DeclaredType, decimals: Decimals): ConnectType {
  if (decimals !== 'precise') return { type: decimals === 'string' ? 'string' : 'double' }
  const scale = String(scaleOf(declared))
  const [precision] = declared.numbers
  const parameters = { scale, ...(precision === undefined ? {} : { 'connect.decimal.precision': String(precision) }) }
  return { ...semantic('bytes', 'org.apache.kafka.connect.data.Decimal'), parameters }
}

function semantic(type: string, name: string | undefined): ConnectType {
  return name === undefined ? { type } : { type, name, version: 1 }
}
