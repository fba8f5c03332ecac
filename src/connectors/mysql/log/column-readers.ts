// How the value of each column is read: one function for a column, made once for a table map.

import { inflateRawSync, inflateSync } from 'node:zlib'
import type { MysqlColumn, MysqlTable, MysqlValue } from '../column.ts'
import { inet4Text, inet6Text, uuidText } from './address.ts'
import type { TextDecoders } from './charsets.ts'
import type { Cursor } from './cursor.ts'
import { decimalReader } from './decimal.ts'
import { jsonText } from './json-text.ts'
import type { MappedColumn, TableMap } from './table-map.ts'
import {
  datetimeReader,
  readDate,
  readOldDatetime,
  readOldTime,
  readOldTimestamp,
  readYear,
  timeReader,
  timestampReader,
} from './temporal.ts'
import { WireType } from './wire-type.ts'

/** Reads a value that is not NULL and leaves the cursor behind it. */
export type ReadValue = (cursor: Cursor) => MysqlValue

/** A reader for each column of the map, as the table says that it is. Throws SOURCE_FAILED for a column that cannot be read. */
export function columnReaders(map: TableMap, table: MysqlTable, texts: TextDecoders): ReadValue[] {
  return map.columns.map((mapped, i) =>
    map.mariadb && mapped.type === WireType.float
      ? readMariadbFloat
      : readerOf(mapped, table.columns[i] as MysqlColumn, texts),
  )
}

function readerOf(mapped: MappedColumn, column: MysqlColumn, texts: TextDecoders): ReadValue {
  switch (mapped.type) {
    case WireType.decimal:
    case WireType.newDecimal:
      return decimalReader(mapped.precision, mapped.scale)
    case WireType.float:
      return readFloat
    case WireType.double:
      return readDouble
    case WireType.year:
      return readYear
    case WireType.date:
    case WireType.newDate:
      return readDate
    case WireType.datetime2:
      return datetimeReader(mapped.scale)
    case WireType.timestamp2:
      return timestampReader(mapped.scale)
    case WireType.time2:
      return timeReader(mapped.scale)
    case WireType.bit:
      return bytesReader((mapped.length + 7) >> 3)
    case WireType.enum:
      return enumReader(mapped.length, column.labels)
    case WireType.set:
      return setReader(mapped.length, column.labels)
    case WireType.json:
      return (cursor) => blob(cursor, mapped.length, jsonText)
    case WireType.vector:
    case WireType.geometry:
      return (cursor) => blob(cursor, mapped.length, copy)
    case WireType.datetime:
      return readOldDatetime
    case WireType.timestamp:
      return readOldTimestamp
    case WireType.time:
      return readOldTime
    default:
      return integerReader(mapped, column) ?? stringReader(mapped, column, texts)
  }
}

function integerReader({ type }: MappedColumn, { unsigned }: MysqlColumn): ReadValue | undefined {
  switch (type) {
    case WireType.tiny:
      return unsigned ? readUint8 : readInt8
    case WireType.short:
      return unsigned ? readUint16 : readInt16
    case WireType.int24:
      return unsigned ? readUint24 : readInt24
    case WireType.long:
      return unsigned ? readUint32 : readInt32
    case WireType.longlong:
      return unsigned ? readUint64 : readInt64
    default:
      return undefined
  }
}

function readInt8(cursor: Cursor): number {
  cursor.at += 1
  return cursor.buffer.readInt8(cursor.at - 1)
}

function readUint8(cursor: Cursor): number {
  cursor.at += 1
  return cursor.buffer.readUInt8(cursor.at - 1)
}

function readInt16(cursor: Cursor): number {
  cursor.at += 2
  return cursor.buffer.readInt16LE(cursor.at - 2)
}

function readUint16(cursor: Cursor): number {
  cursor.at += 2
  return cursor.buffer.readUInt16LE(cursor.at - 2)
}

function readInt24(cursor: Cursor): number {
  cursor.at += 3
  return cursor.buffer.readIntLE(cursor.at - 3, 3)
}

function readUint24(cursor: Cursor): number {
  cursor.at += 3
  return cursor.buffer.readUIntLE(cursor.at - 3, 3)
}

function readInt32(cursor: Cursor): number {
  cursor.at += 4
  return cursor.buffer.readInt32LE(cursor.at - 4)
}

function readUint32(cursor: Cursor): number {
  cursor.at += 4
  return cursor.buffer.readUInt32LE(cursor.at - 4)
}

/** Eight bytes as two halves and as a whole, so that a bigint is made at once. */
const HALVES = new Int32Array(2)
const SIGNED = new BigInt64Array(HALVES.buffer)
const UNSIGNED = new BigUint64Array(HALVES.buffer)
const [LOW, HIGH] = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? [0, 1] : [1, 0]

function takeHalves(cursor: Cursor): void {
  HALVES[LOW] = cursor.buffer.readInt32LE(cursor.at)
  HALVES[HIGH] = cursor.buffer.readInt32LE(cursor.at + 4)
  cursor.at += 8
}

function readInt64(cursor: Cursor): bigint {
  takeHalves(cursor)
  return SIGNED[0] as bigint
}

function readUint64(cursor: Cursor): bigint {
  takeHalves(cursor)
  return UNSIGNED[0] as bigint
}

function readFloat(cursor: Cursor): number {
  cursor.at += 4
  return cursor.buffer.readFloatLE(cursor.at - 4)
}

/** MariaDB tells everyone but its log that the -0 a float can underflow to is 0. */
function readMariadbFloat(cursor: Cursor): number {
  return readFloat(cursor) + 0
}

function readDouble(cursor: Cursor): number {
  cursor.at += 8
  return cursor.buffer.readDoubleLE(cursor.at - 8)
}

/** A value of its own: the event's bytes may be used again. */
function copy(buffer: Buffer, from: number, to: number): Uint8Array {
  return new Uint8Array(buffer.subarray(from, to))
}

function bytesReader(bytes: number): ReadValue {
  return (cursor) => {
    const from = cursor.at
    cursor.at = from + bytes
    return copy(cursor.buffer, from, cursor.at)
  }
}

function enumReader(bytes: number, labels: readonly string[]): ReadValue {
  // 0 is the value of what was no member.
  const values: MysqlValue[] = [labels.includes('') ? 0 : '', ...labels]
  return (cursor) => {
    const index = cursor.buffer.readUIntLE(cursor.at, bytes)
    cursor.at += bytes
    const value = values[index]
    if (value === undefined) throw new RangeError(`member ${index} of an enum of ${labels.length}`)
    return value
  }
}

function setReader(bytes: number, labels: readonly string[]): ReadValue {
  return (cursor) => {
    const { buffer, at } = cursor
    cursor.at = at + bytes
    let text = ''
    let isFirst = true
    for (let i = 0; i < bytes; i += 1) {
      for (let bits = buffer[at + i] as number; bits !== 0; bits &= bits - 1) {
        const label = labels[i * 8 + 31 - Math.clz32(bits & -bits)]
        if (label === undefined) throw new RangeError(`a set of ${labels.length} members with more than those`)
        text += isFirst ? label : `,${label}`
        isFirst = false
      }
    }
    return text
  }
}

type Take = (buffer: Buffer, from: number, to: number) => MysqlValue

function stringReader(mapped: MappedColumn, column: MysqlColumn, texts: TextDecoders): ReadValue {
  const take = takerOf(column, texts)
  const { length } = mapped
  switch (mapped.type) {
    case WireType.varcharCompressed:
      return prefixed(length > 255 ? 2 : 1, inflating(take))
    case WireType.blobCompressed:
      return (cursor) => blob(cursor, length, inflating(take))
    case WireType.varchar:
    case WireType.varString:
    case WireType.string:
      return prefixed(length > 255 ? 2 : 1, take)
    default:
      return (cursor) => blob(cursor, length, take)
  }
}

/** What the column makes of the bytes of a string. */
function takerOf(column: MysqlColumn, texts: TextDecoders): Take {
  const { kind, length } = column
  if (kind === 'uuid') return uuidText
  if (kind === 'inet4') return inet4Text
  if (kind === 'inet6') return inet6Text
  if (kind === 'binary') return (buffer, from, to) => padded(buffer, from, to, length)
  if (column.charset === null) return copy
  return texts.decoder(column.charset)
}

/** Zeros at the end are not in the log. */
function padded(buffer: Buffer, from: number, to: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  bytes.set(buffer.subarray(from, to))
  return bytes
}

function prefixed(lengthBytes: 1 | 2, take: Take): ReadValue {
  if (lengthBytes === 2)
    return (cursor) => {
      const from = cursor.at + 2
      cursor.at = from + cursor.buffer.readUInt16LE(from - 2)
      return take(cursor.buffer, from, cursor.at)
    }
  return (cursor) => {
    const from = cursor.at + 1
    cursor.at = from + cursor.buffer.readUInt8(from - 1)
    return take(cursor.buffer, from, cursor.at)
  }
}

function blob(cursor: Cursor, lengthBytes: number, take: Take): MysqlValue {
  const from = cursor.at + lengthBytes
  cursor.at = from + cursor.buffer.readUIntLE(from - lengthBytes, lengthBytes)
  return take(cursor.buffer, from, cursor.at)
}

/**
 * A value of a compressed column of MariaDB: nothing for an empty one, else a byte: in its upper half 0 for bytes as they are or 8 for
 * zlib, in its lower half the bytes of the length that follows, and 8 if zlib's own header is left out.
 */
function inflating(take: Take): Take {
  return (buffer, from, to) => {
    if (from === to) return take(buffer, from, to)
    const header = buffer[from] as number
    if (header >> 4 === 0) return take(buffer, from + 1, to)
    if (header >> 4 !== 8) throw new RangeError(`a compressed value of method ${header >> 4}`)
    const packed = buffer.subarray(from + 1 + (header & 7), to)
    const bytes = (header & 8) !== 0 ? inflateRawSync(packed) : inflateSync(packed)
    return take(bytes, 0, bytes.length)
  }
}
