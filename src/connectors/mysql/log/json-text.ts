// MySQL's binary JSON, as the server prints it.
//
//   value: a type, then its bytes. Object: count, size, for each key its offset and length, for each value its type and offset (or the
//   value itself where it is small), the keys, the values. Array: the same without keys. Numbers of a small document have two bytes, of
//   a large one four; offsets are from the count on. String: length (7 bits a byte), bytes. Opaque: a column's type, length, bytes.
//
// The text is put together as bytes, for most of it is bytes of the document, and decoded once.

import { opaqueJson } from './json-opaque.ts'
import { JsonOutput } from './json-output.ts'

const Type = {
  smallObject: 0,
  largeObject: 1,
  smallArray: 2,
  largeArray: 3,
  literal: 4,
  int16: 5,
  uint16: 6,
  int32: 7,
  uint32: 8,
  int64: 9,
  uint64: 10,
  double: 11,
  string: 12,
  opaque: 15,
} as const

const LITERALS = ['null', 'true', 'false']

/** One is enough: a document is written in one go. */
const output = new JsonOutput()

/** The text of a document. Throws RangeError for one that is damaged. */
export function jsonText(buffer: Buffer, from: number, to: number): string {
  // A column that was added to rows that were there already, and may not be NULL.
  if (from === to) return 'null'
  // What a damaged document left behind.
  output.clear()
  writeValue(buffer, buffer.readUInt8(from), from + 1)
  return output.take()
}

function writeValue(buffer: Buffer, type: number, at: number): void {
  switch (type) {
    case Type.smallObject:
      return writeObject(buffer, at, 2)
    case Type.largeObject:
      return writeObject(buffer, at, 4)
    case Type.smallArray:
      return writeArray(buffer, at, 2)
    case Type.largeArray:
      return writeArray(buffer, at, 4)
    case Type.literal:
      return output.ascii(literal(buffer.readUInt8(at)))
    case Type.int16:
      return output.integer(buffer.readInt16LE(at))
    case Type.uint16:
      return output.integer(buffer.readUInt16LE(at))
    case Type.int32:
      return output.integer(buffer.readInt32LE(at))
    case Type.uint32:
      return output.integer(buffer.readUInt32LE(at))
    case Type.int64:
      return writeInt64(buffer.readUInt32LE(at), buffer.readInt32LE(at + 4))
    case Type.uint64:
      return writeInt64(buffer.readUInt32LE(at), buffer.readUInt32LE(at + 4))
    case Type.double:
      return output.ascii(doubleText(buffer.readDoubleLE(at)))
    case Type.string:
      return writeString(buffer, at)
    case Type.opaque:
      return writeOpaque(buffer, at)
    default:
      throw new RangeError(`a JSON value of type ${type}`)
  }
}

/** Beyond these halves a number is not safe. */
const HIGH_SAFE = 0x1fffff

function writeInt64(low: number, high: number): void {
  if (high >= -HIGH_SAFE && high <= HIGH_SAFE) output.integer(high * 0x100000000 + low)
  else output.ascii(String((BigInt(high) << 32n) | BigInt(low)))
}

function literal(code: number): string {
  const text = LITERALS[code]
  if (text === undefined) throw new RangeError(`a JSON literal ${code}`)
  return text
}

function writeObject(buffer: Buffer, at: number, word: 2 | 4): void {
  const count = readWord(buffer, at, word)
  const keys = at + 2 * word
  const values = keys + count * (word + 2)
  output.byte(0x7b)
  for (let i = 0; i < count; i += 1) {
    if (i > 0) output.comma()
    const key = keys + i * (word + 2)
    const from = at + readWord(buffer, key, word)
    output.quoted(buffer, from, from + buffer.readUInt16LE(key + word))
    output.colon()
    writeEntry(buffer, at, values + i * (word + 1), word)
  }
  output.byte(0x7d)
}

function writeArray(buffer: Buffer, at: number, word: 2 | 4): void {
  const count = readWord(buffer, at, word)
  output.byte(0x5b)
  for (let i = 0; i < count; i += 1) {
    if (i > 0) output.comma()
    writeEntry(buffer, at, at + 2 * word + i * (word + 1), word)
  }
  output.byte(0x5d)
}

function writeEntry(buffer: Buffer, container: number, entry: number, word: 2 | 4): void {
  const type = buffer.readUInt8(entry)
  const isWithin = type >= Type.literal && (type <= Type.uint16 || (word === 4 && type <= Type.uint32))
  writeValue(buffer, type, isWithin ? entry + 1 : container + readWord(buffer, entry + 1, word))
}

function readWord(buffer: Buffer, at: number, word: 2 | 4): number {
  return word === 2 ? buffer.readUInt16LE(at) : buffer.readUInt32LE(at)
}

/** Where a length ends that is written in 7 bits a byte, the lowest first. */
function behindLength(buffer: Buffer, at: number): number {
  let end = at
  while (buffer.readUInt8(end) > 0x7f) end += 1
  return end + 1
}

function readLength(buffer: Buffer, at: number, end: number): number {
  let length = 0
  for (let i = end - 1; i >= at; i -= 1) length = length * 128 + ((buffer[i] as number) & 0x7f)
  return length
}

function writeString(buffer: Buffer, at: number): void {
  const from = behindLength(buffer, at)
  output.quoted(buffer, from, from + readLength(buffer, at, from))
}

function writeOpaque(buffer: Buffer, at: number): void {
  const from = behindLength(buffer, at + 1)
  output.ascii(opaqueJson(buffer.readUInt8(at), buffer, from, from + readLength(buffer, at + 1, from)))
}

/** The shortest digits that mean this number; from 16 places before the point on, and from 15 zeros behind it on, with an exponent. */
export function doubleText(value: number): string {
  if (Object.is(value, -0)) return '-0.0'
  if (value === 0) return '0.0'
  const [digits = '', exponent = ''] = value.toExponential().split('e')
  const sign = value < 0 ? '-' : ''
  const significant = digits.replace('-', '').replace('.', '')
  const point = Number(exponent) + 1
  if (point < -14 || (point > 15 && significant.length <= point)) return `${digits}e${Number(exponent)}`
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${significant}`
  if (significant.length <= point) return `${sign}${significant.padEnd(point, '0')}.0`
  return `${sign}${significant.slice(0, point)}.${significant.slice(point)}`
}
