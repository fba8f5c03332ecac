// Dates and times in the log, as the server prints them; one that is zero, in part or in whole, is printed as it is.

import type { Cursor } from './cursor.ts'

/** The codes of the digits of 0 to 99. A text made of all its codes at once is flat, with no parts to join later. */
const TENS = Uint8Array.from({ length: 100 }, (_, n) => 48 + Math.floor(n / 10))
const ONES = Uint8Array.from({ length: 100 }, (_, n) => 48 + (n % 10))
const tens = (n: number): number => TENS[n] as number
const ones = (n: number): number => ONES[n] as number
const DASH = 45
const COLON = 58
const SPACE = 32
const POINT = 46

/** `YYYY-MM-DD` */
function dateText(year: number, month: number, day: number): string {
  const high = (year / 100) | 0
  const low = year % 100
  // biome-ignore format: the codes in their groups
  return String.fromCharCode(
    tens(high), ones(high), tens(low), ones(low), DASH, tens(month), ones(month), DASH, tens(day), ones(day),
  )
}

/** `hh:mm:ss` and so many digits of the microseconds. */
function timeText(hour: number, minute: number, second: number, micros: number, digits: number): string {
  // biome-ignore format: the codes in their groups
  const text = String.fromCharCode(
    tens(hour), ones(hour), COLON, tens(minute), ones(minute), COLON, tens(second), ones(second),
  )
  return digits === 0 ? text : `${text}.${`${1_000_000 + micros}`.slice(1, digits + 1)}`
}

/** `YYYY-MM-DD hh:mm:ss` and so many digits of the microseconds; `months` is year × 13 + month. Fields one by one, for an object would be one for each value. */
function datetimeText(
  months: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  micros: number,
  digits: number,
): string {
  const year = (months / 13) | 0
  const month = months % 13
  const high = (year / 100) | 0
  const low = year % 100
  if (digits === 0)
    // biome-ignore format: the codes in their groups
    return String.fromCharCode(
      tens(high), ones(high), tens(low), ones(low), DASH, tens(month), ones(month), DASH, tens(day), ones(day), SPACE,
      tens(hour), ones(hour), COLON, tens(minute), ones(minute), COLON, tens(second), ones(second),
    )
  const first = (micros / 10_000) | 0
  const next = ((micros / 100) | 0) % 100
  const last = micros % 100
  // biome-ignore format: the codes in their groups
  const text = String.fromCharCode(
    tens(high), ones(high), tens(low), ones(low), DASH, tens(month), ones(month), DASH, tens(day), ones(day), SPACE,
    tens(hour), ones(hour), COLON, tens(minute), ones(minute), COLON, tens(second), ones(second),
    POINT, tens(first), ones(first), tens(next), ones(next), tens(last), ones(last),
  )
  return digits === 6 ? text : text.slice(0, 20 + digits)
}

/** Bytes of a fraction of a second, by its digits; one byte holds hundredths, two ten thousandths, three millionths. */
const FRACTION_BYTES = [0, 1, 1, 2, 2, 3, 3] as const
const MICROS = [0, 10_000, 100, 1] as const

function readBig(buffer: Buffer, at: number, bytes: number): number {
  let value = 0
  for (let i = 0; i < bytes; i += 1) value = value * 256 + (buffer[at + i] as number)
  return value
}

/** DATE: 15 bits of year, 4 of month, 5 of day, little-endian. */
export function readDate(cursor: Cursor): string {
  const { buffer, at } = cursor
  const bits = (buffer[at] as number) | ((buffer[at + 1] as number) << 8) | ((buffer[at + 2] as number) << 16)
  cursor.at = at + 3
  return dateText(bits >> 9, (bits >> 5) & 15, bits & 31)
}

/** YEAR: 0, or years since 1900. */
export function readYear(cursor: Cursor): number {
  const year = cursor.buffer[cursor.at] as number
  cursor.at += 1
  return year === 0 ? 0 : year + 1900
}

/** DATETIME: a bit, 17 bits of year × 13 + month, 5 of day, 5 of hour, 6 of minute, 6 of second, big-endian; the fraction. */
export function datetimeReader(digits: number): (cursor: Cursor) => string {
  const bytes = FRACTION_BYTES[digits] as number
  const unit = MICROS[bytes] as number
  return (cursor) => {
    const { buffer, at } = cursor
    const b2 = buffer[at + 2] as number
    const b3 = buffer[at + 3] as number
    const b4 = buffer[at + 4] as number
    const months = (((buffer[at] as number) & 0x7f) << 10) | ((buffer[at + 1] as number) << 2) | (b2 >> 6)
    const micros = bytes === 0 ? 0 : readBig(buffer, at + 5, bytes) * unit
    cursor.at = at + 5 + bytes
    const hour = ((b2 & 1) << 4) | (b3 >> 4)
    return datetimeText(months, (b2 >> 1) & 31, hour, ((b3 & 15) << 2) | (b4 >> 6), b4 & 63, micros, digits)
  }
}

/** TIMESTAMP: seconds since 1970, big-endian; the fraction. */
export function timestampReader(digits: number): (cursor: Cursor) => string {
  const bytes = FRACTION_BYTES[digits] as number
  const unit = MICROS[bytes] as number
  return (cursor) => {
    const { buffer, at } = cursor
    const micros = bytes === 0 ? 0 : readBig(buffer, at + 4, bytes) * unit
    cursor.at = at + 4 + bytes
    return timestampText(readBig(buffer, at, 4), micros, digits)
  }
}

const DAY_SECONDS = 86_400

/** In UTC; 0 is no time. */
function timestampText(seconds: number, micros: number, digits: number): string {
  if (seconds === 0) return datetimeText(0, 0, 0, 0, 0, micros, digits)
  const second = seconds % DAY_SECONDS
  // Years begin in March here, so that a leap day is the last of its year.
  const days = (seconds - second) / DAY_SECONDS + 719_468
  const era = Math.floor(days / 146_097)
  const ofEra = days - era * 146_097
  const yearOfEra = ((ofEra - ((ofEra / 1460) | 0) + ((ofEra / 36_524) | 0) - ((ofEra / 146_096) | 0)) / 365) | 0
  const ofYear = ofEra - (365 * yearOfEra + (yearOfEra >> 2) - ((yearOfEra / 100) | 0))
  const march = ((5 * ofYear + 2) / 153) | 0
  const day = ofYear - (((153 * march + 2) / 5) | 0) + 1
  const month = march < 10 ? march + 3 : march - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  const minute = (second / 60) | 0
  return datetimeText(year * 13 + month, day, (minute / 60) | 0, minute % 60, second % 60, micros, digits)
}

/** TIME: 10 bits of hours, 6 of minute, 6 of second, above the middle of three bytes, big-endian; the fraction belongs to the number. */
export function timeReader(digits: number): (cursor: Cursor) => string {
  const bytes = FRACTION_BYTES[digits] as number
  const unit = MICROS[bytes] as number
  const whole = 256 ** bytes
  const middle = 0x800000 * whole
  return (cursor) => {
    const value = readBig(cursor.buffer, cursor.at, 3 + bytes) - middle
    cursor.at += 3 + bytes
    const size = Math.abs(value)
    const seconds = Math.floor(size / whole)
    return signedTimeText(value < 0, seconds >> 12, (seconds >> 6) & 63, seconds & 63, (size % whole) * unit, digits)
  }
}

function signedTimeText(
  isNegative: boolean,
  hour: number,
  minute: number,
  second: number,
  micros: number,
  digits: number,
): string {
  const text = timeText(hour % 100, minute, second, micros, digits)
  const hundreds = hour < 100 ? text : `${(hour / 100) | 0}${text}`
  return isNegative ? `-${hundreds}` : hundreds
}

/** A datetime inside JSON, eight bytes: microseconds in three, then as in a column. */
export function packedDatetimeText(buffer: Buffer, at: number, dateOnly: boolean): string {
  const whole = Number(buffer.readBigInt64LE(at) >> 24n)
  const micros = buffer.readUIntLE(at, 3)
  const day = Math.floor(whole / 0x20000)
  if (dateOnly) return dateText(((day >> 5) / 13) | 0, (day >> 5) % 13, day & 31)
  const time = whole % 0x20000
  return datetimeText(day >> 5, day & 31, time >> 12, (time >> 6) & 63, time & 63, micros, 6)
}

/** A time inside JSON, eight bytes. */
export function packedTimeText(buffer: Buffer, at: number): string {
  const packed = buffer.readBigInt64LE(at)
  const size = packed < 0n ? -packed : packed
  const whole = Number(size >> 24n)
  return signedTimeText(packed < 0n, whole >> 12, (whole >> 6) & 63, whole & 63, Number(size & 0xffffffn), 6)
}

/** DATETIME of before MySQL 5.6: a number of the digits YYYYMMDDhhmmss. */
export function readOldDatetime(cursor: Cursor): string {
  const value = Number(cursor.buffer.readBigUInt64LE(cursor.at))
  cursor.at += 8
  const date = Math.floor(value / 1_000_000)
  const time = value % 1_000_000
  const months = Math.floor(date / 10_000) * 13 + (Math.floor(date / 100) % 100)
  return datetimeText(months, date % 100, Math.floor(time / 10_000), Math.floor(time / 100) % 100, time % 100, 0, 0)
}

/** TIMESTAMP of before MySQL 5.6: seconds since 1970. */
export function readOldTimestamp(cursor: Cursor): string {
  cursor.at += 4
  return timestampText(cursor.buffer.readUInt32LE(cursor.at - 4), 0, 0)
}

/** TIME of before MySQL 5.6: a number of the digits hhmmss. */
export function readOldTime(cursor: Cursor): string {
  const value = cursor.buffer.readIntLE(cursor.at, 3)
  cursor.at += 3
  const size = Math.abs(value)
  return signedTimeText(value < 0, Math.floor(size / 10_000), Math.floor(size / 100) % 100, size % 100, 0, 0)
}
