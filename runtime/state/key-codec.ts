// Keys as bytes in row keys: different keys have different bytes, and the bytes give the key back.

import { assert } from '../../src/util/assert.ts'
import type { Key } from '../../src/util/key-group.ts'
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'

const UTF8 = 1
const UTF16 = 2
const INT32 = 3
const DOUBLE = 4
const BIGINT = 5
const FALSE = 6
const TRUE = 7
const ARRAY = 8
const ORDERED = 9

/** Appends the key, length not included: a key is the rest of its row key, or has its length in front. -0 is 0. */
export function writeKey(key: Key, into: ByteWriter): void {
  if (typeof key === 'number') return writeNumber(key, into)
  if (typeof key === 'string') return writeString(key, into)
  if (typeof key === 'boolean') return into.u8(key ? TRUE : FALSE)
  if (typeof key === 'bigint') {
    into.u8(BIGINT)
    return into.text(key.toString(16), 'utf8')
  }
  into.u8(ARRAY)
  for (const part of key) {
    const at = into.openLength()
    writeKey(part, into)
    into.closeLength(at)
  }
}

/** Reads the key that is all the rest of the reader. */
export function readKey(from: ByteReader): Key {
  const tag = from.u8()
  const rest = from.end - from.at
  if (tag === INT32) return from.i32()
  if (tag === DOUBLE) return from.f64()
  if (tag === UTF8) return from.text(rest, 'utf8')
  if (tag === UTF16) return from.text(rest, 'utf16le')
  if (tag === TRUE || tag === FALSE) return tag === TRUE
  if (tag === BIGINT) return parseBigint(from.text(rest, 'utf8'))
  assert(tag === ARRAY, `key tag ${tag} of a state row is known`)
  return readArray(from)
}

/** A key within a map state; bytes sort numbers first, by value, then strings by code point. */
export function writeUserKey(key: string | number, into: ByteWriter): void {
  if (typeof key === 'string') {
    const utf8 = isWellFormed(key)
    into.u8(utf8 ? ORDERED + UTF8 : ORDERED + UTF16)
    into.text(key, utf8 ? 'utf8' : 'utf16le')
  } else {
    into.u8(ORDERED)
    into.orderedF64(key + 0)
  }
}

export function readUserKey(from: ByteReader): string | number {
  const tag = from.u8()
  if (tag === ORDERED) return from.orderedF64()
  return from.text(from.end - from.at, tag === ORDERED + UTF8 ? 'utf8' : 'utf16le')
}

function writeNumber(key: number, into: ByteWriter): void {
  if ((key | 0) === key) {
    into.u8(INT32)
    into.i32(key)
  } else {
    into.u8(DOUBLE)
    into.f64(key)
  }
}

function writeString(key: string, into: ByteWriter): void {
  const utf8 = isWellFormed(key)
  into.u8(utf8 ? UTF8 : UTF16)
  into.text(key, utf8 ? 'utf8' : 'utf16le')
}

/** A string with lone surrogates has no UTF-8 of its own. (Node 20 has the method, the es2023 types do not.) */
function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed()
}

function readArray(from: ByteReader): Key {
  const parts: Key[] = []
  while (from.more) {
    const length = from.varint()
    parts.push(readKey(from.part(length)))
  }
  return parts
}

function parseBigint(text: string): bigint {
  const negative = text.startsWith('-')
  const value = BigInt(`0x${negative ? text.slice(1) : text}`)
  return negative ? -value : value
}
