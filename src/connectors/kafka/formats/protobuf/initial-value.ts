// What a field is that is not set.

import type { FieldDescriptor } from './descriptor-set.ts'
import { LONGS, type Presence, type ProtoEnum, TYPE } from './proto-type.ts'

const NO_BYTES = Buffer.alloc(0)

/** The declared default; else the type's where the field always has a value; else null, and undefined for what must be set. */
export function initialOf(field: FieldDescriptor, presence: Presence, of: ProtoEnum | undefined): unknown {
  if (presence === 'required') return undefined
  if (presence === 'list' || presence === 'map' || field.type === TYPE.message) return null
  // A member of a oneof that had a value would seem to be the one that is set.
  if (field.defaultValue !== null && field.oneofIndex === null) return declared(field.defaultValue, field.type)
  return presence === 'always' ? ofType(field.type, of) : null
}

function ofType(type: number, of: ProtoEnum | undefined): unknown {
  if (type === TYPE.string) return ''
  if (type === TYPE.bytes) return NO_BYTES
  if (type === TYPE.bool) return false
  if (type === TYPE.enum) return of?.names.get(0) ?? 0
  return LONGS.has(type) ? 0n : 0
}

function declared(text: string, type: number): unknown {
  if (type === TYPE.string || type === TYPE.enum) return text
  if (type === TYPE.bytes) return unescaped(text)
  if (type === TYPE.bool) return text === 'true'
  if (LONGS.has(type)) return BigInt(text)
  return Number(text.replace(/inf$/, 'Infinity'))
}

const ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 }

/** Bytes as C has them in strings. */
function unescaped(text: string): Buffer {
  const bytes: number[] = []
  for (const [, octal, hex, letter, plain] of text.matchAll(
    /\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|(.))|([^\\])/gs,
  )) {
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8))
    else if (hex !== undefined) bytes.push(Number.parseInt(hex, 16))
    else if (letter !== undefined) bytes.push(ESCAPES[letter] ?? letter.charCodeAt(0))
    else bytes.push((plain as string).charCodeAt(0))
  }
  return Buffer.from(bytes)
}
