// Writes messages by their declared types. What a field cannot hold is refused, by name: nothing is rounded or cut.

import { wellFormed } from '../utf8.ts'
import { DEPTH_MAX, LONGS, type ProtoField, type ProtoMessage, TYPE, WIRE } from './proto-type.ts'
import { WireWriter } from './wire-writer.ts'

type Fields = Readonly<Record<string, unknown>>

/** One for all messages: they are written one after the other. */
const wire = new WireWriter()

/** The bytes of a message. Throws what is wrong with it. */
export function writeMessage(message: unknown, type: ProtoMessage): Buffer {
  try {
    writeFields(fieldsOf(message, type.name), type, 0)
    return wire.finish()
  } finally {
    wire.reset()
  }
}

function writeFields(message: Fields, type: ProtoMessage, depth: number): void {
  if (depth > DEPTH_MAX) throw new Error(`${type.name}: messages within messages, more than ${DEPTH_MAX} deep`)
  for (const name of Object.keys(message))
    if (!type.byName.has(name) && message[name] !== undefined)
      throw new Error(`${type.name} has no field "${name}": it has ${[...type.byName.keys()].join(', ')}`)
  for (let i = 0; i < type.fields.length; i += 1) {
    const field = type.fields[i] as ProtoField
    const value = Object.hasOwn(message, field.name) ? message[field.name] : undefined
    if (value !== null && value !== undefined) writeField(value, field, message, depth)
    else if (field.presence === 'required') throw new Error(`${field.path} is required, and not there`)
  }
}

function writeField(value: unknown, field: ProtoField, message: Fields, depth: number): void {
  if (field.presence === 'list') return writeList(value, field, depth)
  if (field.presence === 'map') return writeMap(value, field, depth)
  if (field.presence === 'always' && isInitial(value, field)) return
  for (const rival of field.rivals)
    if (Object.hasOwn(message, rival) && message[rival] !== null && message[rival] !== undefined)
      throw new Error(`${field.path} and ${rival} are both set: of a oneof at most one is`)
  writeTagged(value, field, depth)
}

function writeTagged(value: unknown, field: ProtoField, depth: number): void {
  wire.uint32(((field.number << 3) | field.wire) >>> 0)
  writeValue(value, field, depth)
}

function writeList(value: unknown, field: ProtoField, depth: number): void {
  if (!Array.isArray(value)) throw refused(value, field, 'an array')
  if (!field.packed) {
    for (let i = 0; i < value.length; i += 1) writeTagged(value[i], field, depth)
    return
  }
  if (value.length === 0) return
  wire.uint32(((field.number << 3) | WIRE.bytes) >>> 0)
  const start = wire.beginPiece()
  for (let i = 0; i < value.length; i += 1) writeValue(value[i], field, depth)
  wire.endPiece(start)
}

function writeMap(value: unknown, field: ProtoField, depth: number): void {
  const [keys, values] = (field.message as ProtoMessage).fields as readonly [ProtoField, ProtoField]
  const isMap = value instanceof Map
  if (!isMap && (typeof value !== 'object' || Array.isArray(value))) throw refused(value, field, 'an object or a Map')
  for (const [key, item] of isMap ? (value as Map<unknown, unknown>) : Object.entries(value as Fields)) {
    wire.uint32(((field.number << 3) | WIRE.bytes) >>> 0)
    const start = wire.beginPiece()
    writeTagged(isMap ? key : keyOf(key as string, keys), keys, depth)
    writeTagged(item, values, depth)
    wire.endPiece(start)
  }
}

/** The key that an object's field name stands for. */
function keyOf(text: string, { type }: ProtoField): unknown {
  if (type === TYPE.string) return text
  if (type === TYPE.bool) return text === 'true' ? true : text === 'false' ? false : text
  return /^-?\d+$/.test(text) ? (LONGS.has(type) ? BigInt(text) : Number(text)) : text
}

function writeValue(value: unknown, field: ProtoField, depth: number): void {
  switch (field.type) {
    case TYPE.string:
      if (typeof value !== 'string') throw refused(value, field, 'a string')
      return wire.string(wellFormed(value, field.path))
    case TYPE.bool:
      if (typeof value !== 'boolean') throw refused(value, field, 'a boolean')
      return wire.uint32(value ? 1 : 0)
    case TYPE.bytes:
      if (!(value instanceof Uint8Array)) throw refused(value, field, 'a Uint8Array')
      return wire.bytes(value)
    case TYPE.message: {
      const type = field.message as ProtoMessage
      const start = wire.beginPiece()
      writeFields(fieldsOf(value, field.path), type, depth + 1)
      return wire.endPiece(start)
    }
    case TYPE.enum:
      return wire.int32(enumNumber(value, field))
    default:
      return LONGS.has(field.type) ? writeLong(long(value, field), field.type) : writeNumber(value, field)
  }
}

const UNSIGNED: ReadonlySet<number> = new Set([TYPE.uint32, TYPE.fixed32, TYPE.uint64, TYPE.fixed64])

function writeLong(value: bigint, type: number): void {
  if (type === TYPE.sint64) return wire.sint64(value)
  return type === TYPE.int64 || type === TYPE.uint64 ? wire.varint64(value) : wire.fixed64(value)
}

function writeNumber(value: unknown, field: ProtoField): void {
  const { type } = field
  if (type === TYPE.double || type === TYPE.float) {
    if (typeof value !== 'number') throw refused(value, field, 'a number')
    return type === TYPE.double ? wire.double(value) : wire.float(value)
  }
  const number = whole(value, field)
  if (type === TYPE.sint32) return wire.sint32(number)
  return type === TYPE.int32 || type === TYPE.uint32 ? wire.int32(number) : wire.fixed32(number)
}

function whole(value: unknown, field: ProtoField): number {
  const [least, most] = UNSIGNED.has(field.type) ? [0, 0xffff_ffff] : [-0x8000_0000, 0x7fff_ffff]
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
  throw refused(value, field, `an integer from ${least} to ${most}`)
}

function long(value: unknown, field: ProtoField): bigint {
  const given = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value
  const fitting = UNSIGNED.has(field.type) ? BigInt.asUintN : BigInt.asIntN
  if (typeof given === 'bigint' && fitting(64, given) === given) return given
  throw refused(value, field, `a bigint of 64 bits${UNSIGNED.has(field.type) ? ', not negative' : ''}`)
}

function enumNumber(value: unknown, field: ProtoField): number {
  const known = typeof value === 'string' ? field.enum?.numbers.get(value) : undefined
  if (known !== undefined) return known
  if (typeof value === 'number' && (value | 0) === value) return value
  throw refused(value, field, `one of ${[...(field.enum?.numbers.keys() ?? [])].join(', ')}`)
}

/** Not written: who reads it fills it in. -0 is a number of its own. */
function isInitial(value: unknown, { initial, type, enum: of }: ProtoField): boolean {
  if (Object.is(value, initial)) return true
  if (type === TYPE.bytes) return value instanceof Uint8Array && value.length === 0
  if (type === TYPE.enum) return value === of?.numbers.get(initial as string)
  return value === 0 && LONGS.has(type)
}

function fieldsOf(value: unknown, path: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw new Error(`${path} is ${shown(value)}: expected an object`)
}

function refused(value: unknown, { path }: ProtoField, expected: string): Error {
  return new Error(`${path} is ${shown(value)}: expected ${expected}`)
}

function shown(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (value === null || value === undefined) return String(value)
  return Array.isArray(value) ? 'an array' : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`
}
