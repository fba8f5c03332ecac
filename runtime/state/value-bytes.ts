// The bytes of one value: [time stamp f64]  codec bytes.

import { msgpackCodec } from '../../src/codec/msgpack-codec.ts'
import type { Codec } from '../../src/contract/state.ts'
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import type { ItemReader } from './registered-state.ts'
import { Stamped } from './stamped.ts'

const MSGPACK_INT32 = 0xd2
const MSGPACK_DOUBLE = 0xcb

/** Appends a slot's or element's value, with its time stamp if it has one. Throws what the codec throws. */
export function writeValue(slot: unknown, codec: Codec<unknown>, out: ByteWriter): void {
  if (slot instanceof Stamped) {
    out.f64(slot.atMs)
    writeBare(slot.value, codec, out)
  } else writeBare(slot, codec, out)
}

/** As writeValue, with the codec's bytes preceded by their length. */
export function writeSizedValue(slot: unknown, codec: Codec<unknown>, out: ByteWriter): void {
  if (slot instanceof Stamped) out.f64(slot.atMs)
  const at = out.openLength()
  writeBare(slot instanceof Stamped ? slot.value : slot, codec, out)
  out.closeLength(at)
}

/** Reads what writeValue wrote: all the rest of the reader. */
export function readValue(item: ItemReader, from: ByteReader): unknown {
  const atMs = item.stamped ? from.f64() : undefined
  return restamp(item, readBare(item, from, from.end - from.at), atMs)
}

/** Reads what writeSizedValue wrote. */
export function readSizedValue(item: ItemReader, from: ByteReader): unknown {
  const atMs = item.stamped ? from.f64() : undefined
  return restamp(item, readBare(item, from, from.varint()), atMs)
}

/** Numbers without the codec's detour, in msgpack all the same. -0 is not an int32. */
function writeBare(value: unknown, codec: Codec<unknown>, out: ByteWriter): void {
  if (typeof value !== 'number' || codec !== msgpackCodec) out.bytes(codec.encode(value))
  else if ((value | 0) === value && (value !== 0 || 1 / value > 0)) {
    out.u8(MSGPACK_INT32)
    out.i32(value)
  } else {
    out.u8(MSGPACK_DOUBLE)
    out.f64(value)
  }
}

/** A value without a stamp whose state has a time to live by now begins its life when it is read. */
function restamp(item: ItemReader, value: unknown, atMs: number | undefined): unknown {
  if (item.state.ttl === undefined) return value
  return atMs === undefined ? item.state.ttl.stamp(value) : new Stamped(value, atMs)
}

function readBare(item: ItemReader, from: ByteReader, length: number): unknown {
  const value = decodeBytes(item.codec, from, length)
  return item.migrate === undefined ? value : item.migrate(value)
}

function decodeBytes(codec: Codec<unknown>, from: ByteReader, length: number): unknown {
  if (codec === msgpackCodec) {
    const type = from.buffer[from.at]
    if (type === MSGPACK_INT32 && length === 5) return from.skip(1).i32()
    if (type === MSGPACK_DOUBLE && length === 9) return from.skip(1).f64()
  }
  return codec.decode(from.bytes(length))
}
