// Reads messages by their declared types: no code is made for them.

import { setField } from '../../../../codec/exact-json.ts'
import { DEPTH_MAX, type ProtoField, type ProtoMessage, TYPE, WIRE } from './proto-type.ts'
import { WireReader } from './wire-reader.ts'

type Fields = Record<string, unknown>

/** The message that the bytes hold, with every field that is declared; others are left out. Throws what is wrong with them. */
export function readMessage(bytes: Buffer, type: ProtoMessage): Fields {
  try {
    return new MessageReader(bytes).message(type, undefined)
  } catch (error) {
    throw new Error(`no ${type.name}: ${(error as Error).message}`, { cause: error })
  }
}

class MessageReader {
  readonly #wire: WireReader
  #depth = 0

  constructor(bytes: Buffer) {
    this.#wire = new WireReader(bytes)
  }

  /** All up to the end; `into` is a message of which an earlier piece was read. */
  message(type: ProtoMessage, into: Fields | undefined): Fields {
    const wire = this.#wire
    const message = into ?? blank(type)
    while (wire.at < wire.end) {
      const tag = wire.uint32()
      const field = type.byNumber.get(tag >>> 3)
      if (field === undefined) this.#unknown(tag, type)
      else this.#field(field, tag & 7, message)
    }
    checkRequired(type, message)
    return message
  }

  #unknown(tag: number, type: ProtoMessage): void {
    if (tag >>> 3 === 0) throw new Error(`a field of ${type.name} has number 0`)
    this.#wire.skip(tag & 7)
  }

  #field(field: ProtoField, wire: number, message: Fields): void {
    const { name, presence } = field
    if (presence === 'list' && wire === WIRE.bytes && field.wire !== WIRE.bytes)
      return this.#packed(field, message[name] as unknown[])
    if (wire !== field.wire)
      throw new Error(`field ${field.number}, ${field.path}, is written as wire type ${wire}, not ${field.wire}`)
    if (presence === 'list') (message[name] as unknown[]).push(this.#value(field, undefined))
    else if (presence === 'map') this.#entry(field.message as ProtoMessage, message[name] as Fields)
    else {
      for (let i = 0; i < field.rivals.length; i += 1) message[field.rivals[i] as string] = null
      message[name] = this.#value(field, message[name])
    }
  }

  #packed(field: ProtoField, list: unknown[]): void {
    const wire = this.#wire
    const { end } = wire
    wire.end = wire.piece()
    while (wire.at < wire.end) list.push(this.#value(field, undefined))
    wire.end = end
  }

  #entry(type: ProtoMessage, map: Fields): void {
    const { key, value } = this.#inner(type, undefined)
    const message = type.byNumber.get(2)?.message
    setField(map, String(key), value === null && message !== undefined ? blank(message) : value)
  }

  #inner(type: ProtoMessage, into: Fields | undefined): Fields {
    const wire = this.#wire
    const { end } = wire
    wire.end = wire.piece()
    this.#depth += 1
    if (this.#depth > DEPTH_MAX) throw new Error(`messages within messages, more than ${DEPTH_MAX} deep`)
    const message = this.message(type, into)
    this.#depth -= 1
    wire.end = end
    return message
  }

  /** `was` is what the field held before: a message that comes in pieces is put together. */
  #value(field: ProtoField, was: unknown): unknown {
    const wire = this.#wire
    switch (field.type) {
      case TYPE.string:
        return wire.string()
      case TYPE.int32:
        return wire.int32()
      case TYPE.int64:
        return wire.int64()
      case TYPE.double:
        return wire.double()
      case TYPE.bool:
        return wire.bool()
      case TYPE.message:
        return this.#inner(field.message as ProtoMessage, (was ?? undefined) as Fields | undefined)
      case TYPE.enum: {
        const number = wire.int32()
        return field.enum?.names.get(number) ?? number
      }
      default:
        return rarer(field.type, wire)
    }
  }
}

function rarer(type: number, wire: WireReader): unknown {
  switch (type) {
    case TYPE.bytes:
      return wire.bytes()
    case TYPE.float:
      return wire.float()
    case TYPE.uint32:
      return wire.uint32()
    case TYPE.uint64:
      return wire.uint64()
    case TYPE.sint32:
      return wire.sint32()
    case TYPE.sint64:
      return wire.sint64()
    case TYPE.fixed32:
      return wire.fixed32()
    case TYPE.fixed64:
      return wire.fixed64()
    case TYPE.sfixed32:
      return wire.sfixed32()
    default:
      return wire.sfixed64()
  }
}

/** As it is before anything is read: the same fields in the same order for every message of the type. */
function blank({ fields }: ProtoMessage): Fields {
  const message: Fields = {}
  for (let i = 0; i < fields.length; i += 1) {
    const { name, presence, initial } = fields[i] as ProtoField
    setField(message, name, presence === 'list' ? [] : presence === 'map' ? {} : initial)
  }
  return message
}

function checkRequired({ fields }: ProtoMessage, message: Fields): void {
  for (let i = 0; i < fields.length; i += 1) {
    const { name, path, presence } = fields[i] as ProtoField
    if (presence === 'required' && message[name] === undefined) throw new Error(`${path} is required, and not there`)
  }
}
