// What dates and times become, by option. Debezium's modes are io.debezium.time's: Date, Time, MicroTime, NanoTime, Timestamp,
// MicroTimestamp, NanoTimestamp, IsoDate, IsoTime, IsoTimestamp; a timestamp is ZonedTimestamp in all of them.

import type { MysqlColumn } from './column.ts'
import type { ShapeSettings } from './shape-options.ts'
import { TimeZone, utcMs } from './time-zone.ts'

/** A converter and the TypeScript type of what it gives; no converter: the value as it is. */
export interface Form {
  readonly type: string
  readonly convert?: (value: string) => unknown
}

type Fail = (reason: string) => never

const TEXT: Form = { type: 'string' }
const DAY_MS = 86_400_000
const MICROS_PER_DAY = DAY_MS * 1000

/** What a date, time, datetime or timestamp column becomes. `fail` throws the column's error. */
export function temporalForm(column: MysqlColumn, settings: ShapeSettings, fail: Fail): Form {
  const { temporal, timeZone } = settings
  if (temporal === 'text') {
    const zoned = column.kind === 'timestamp' && timeZone !== 'UTC'
    return zoned ? { type: 'string', convert: localText(new TimeZone(timeZone)) } : TEXT
  }
  if (column.kind === 'time') return timeForm(settings, fail)
  const form = temporal === 'date' ? dateForm(column, timeZone, fail) : debeziumForm(column, temporal)
  return withoutCalendar(form, column, settings, fail)
}

/** A timestamp's text in another zone than UTC. */
function localText(zone: TimeZone): (value: string) => string {
  return (value) => {
    const utc = secondsOf(value)
    if (utc === undefined) return value
    const local = new Date(utc + zone.offsetAt(utc)).toISOString()
    return `${local.slice(0, 10)} ${local.slice(11, 19)}${value.slice(19)}`
  }
}

function dateForm({ kind }: MysqlColumn, timeZone: string, fail: Fail): Form {
  const zone = kind === 'datetime' && timeZone !== 'UTC' ? new TimeZone(timeZone) : undefined
  return {
    type: 'Date',
    convert: (value) => {
      const micros = microsOf(value)
      if (micros % 1000 !== 0) fail(`holds ${value}, and a Date has no microseconds: set temporal to 'text'`)
      const ms = (secondsOf(value) as number) + micros / 1000
      return new Date(zone === undefined ? ms : zone.instantOf(ms))
    },
  }
}

type DebeziumMode = Exclude<ShapeSettings['temporal'], 'text' | 'date'>

function debeziumForm({ kind, scale }: MysqlColumn, mode: DebeziumMode): Form {
  const seconds = (value: string): number => secondsOf(value) as number
  if (kind === 'timestamp') return { type: 'string', convert: (value) => `${value.slice(0, 10)}T${value.slice(11)}Z` }
  if (kind === 'date')
    return mode === 'isostring'
      ? { type: 'string', convert: (value) => `${value}Z` }
      : { type: 'number', convert: (value) => seconds(value) / DAY_MS }
  if (mode === 'isostring')
    return { type: 'string', convert: (value) => `${value.slice(0, 10)}T${shortFraction(value.slice(11))}Z` }
  if (mode === 'connect' || (mode === 'adaptive_time_microseconds' && scale <= 3))
    return { type: 'number', convert: (value) => seconds(value) + Math.floor(microsOf(value) / 1000) }
  const perMicro = mode === 'nanoseconds' ? 1000n : 1n
  return {
    type: 'bigint',
    convert: (value) => (BigInt(seconds(value)) * 1000n + BigInt(microsOf(value))) * perMicro,
  }
}

/** A time is a span of up to 838 hours either way, and nothing that a Date could hold. */
function timeForm({ temporal }: ShapeSettings, fail: Fail): Form {
  const ofDay = (value: string): number => {
    const micros = timeMicros(value)
    if (micros < 0 || micros >= MICROS_PER_DAY)
      fail(`holds ${value}, which is no time of a day: set temporal to 'text' or 'microseconds'`)
    return micros
  }
  switch (temporal) {
    case 'connect':
      return { type: 'number', convert: (value) => Math.floor(ofDay(value) / 1000) }
    case 'isostring':
      return { type: 'string', convert: (value) => (ofDay(value) >= 0 ? `${shortFraction(value)}Z` : value) }
    case 'nanoseconds':
      return { type: 'number', convert: (value) => timeMicros(value) * 1000 }
    case 'adaptive_time_microseconds':
    case 'microseconds':
      return { type: 'number', convert: timeMicros }
    default:
      return TEXT
  }
}

/** The same, and what becomes of dates that no calendar has. */
function withoutCalendar(form: Form, column: MysqlColumn, settings: ShapeSettings, fail: Fail): Form {
  const convert = form.convert as (value: string) => unknown
  const debezium = column.nullable ? 'null' : 'epoch'
  const mode = settings.zeroDates ?? (settings.temporal === 'date' ? 'error' : debezium)
  const epoch = convert(
    `1970-01-01 00:00:00${column.scale > 0 ? `.${'0'.repeat(column.scale)}` : ''}`.slice(
      0,
      column.kind === 'date' ? 10 : undefined,
    ),
  )
  const types = {
    null: `${form.type} | null`,
    epoch: form.type,
    error: form.type,
    text: form.type === 'string' ? 'string' : `${form.type} | string`,
  }
  return {
    type: types[mode],
    convert: (value) => {
      if (secondsOf(value) !== undefined) return convert(value)
      if (mode === 'error')
        fail(`holds ${value}, a date that no calendar has: set zeroDates to 'null', 'epoch' or 'text'`)
      return mode === 'null' ? null : mode === 'epoch' ? epoch : value
    },
  }
}

/** Whole seconds since the epoch of `YYYY-MM-DD[ HH:MM:SS]`, in ms; undefined for a date that no calendar has. */
function secondsOf(value: string): number | undefined {
  const day = digits(value, 8, 10)
  const month = digits(value, 5, 7)
  const midnight = utcMs(digits(value, 0, 4), month, day)
  // Day 31 of a month of 30 days is a day of another month.
  if (month === 0 || day === 0 || (day > 28 && new Date(midnight).getUTCDate() !== day)) return undefined
  if (value.length === 10) return midnight
  return midnight + ((digits(value, 11, 13) * 60 + digits(value, 14, 16)) * 60 + digits(value, 17, 19)) * 1000
}

/** Microseconds behind the second of a datetime or timestamp. */
function microsOf(value: string): number {
  return value.length <= 20 ? 0 : digits(value, 20, value.length) * 10 ** (26 - value.length)
}

/** Microseconds of `[-]H…H:MM:SS[.f…]`. */
function timeMicros(value: string): number {
  const negative = value.charCodeAt(0) === 45
  const colon = value.indexOf(':')
  const hours = digits(value, negative ? 1 : 0, colon)
  const seconds = (hours * 60 + digits(value, colon + 1, colon + 3)) * 60 + digits(value, colon + 4, colon + 6)
  const fraction = value.length - colon - 7
  const micros =
    seconds * 1_000_000 + (fraction > 0 ? digits(value, colon + 7, value.length) * 10 ** (6 - fraction) : 0)
  return negative ? 0 - micros : micros
}

/** As Java prints a time: no zeros at the end of the fraction. */
function shortFraction(time: string): string {
  return time.includes('.') ? time.replace(/\.?0+$/, '') : time
}

function digits(text: string, begin: number, end: number): number {
  let number = 0
  for (let at = begin; at < end; at++) number = number * 10 + text.charCodeAt(at) - 48
  return number
}
