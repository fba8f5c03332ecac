// The rows of a savepoint: what is kept of a key, independent of how RocksDB's rows are laid out here. See checkpoint/savepoint-format.md.
//
//   key       group u16  key, escaped  then
//     state   1  tag varint                       its value, or of a list its sized values
//     entry   2  tag varint  user key             of a map: its value
//     timer   3  domain u8  time (ordered f64)    no value
//   escaped   0 is written 0 255, the end is 0 0: rows of one key are together, keys are in the order of their bytes
//
// What a value and a sized value are says value-bytes.ts. A tag is a state's place in the section's list of states.

import { assert } from '../../src/util/assert.ts'
import { type Key, keyGroupOf } from '../../src/util/key-group.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { readKey, readUserKey, writeKey, writeUserKey } from './key-codec.ts'
import type { TimerDomain } from './row-key.ts'

const STATE = 1
const ENTRY = 2
const TIMER = 3

/** What the key of a portable row says. */
export type PortablePart =
  | { readonly kind: 'state'; readonly tag: number }
  | { readonly kind: 'entry'; readonly tag: number; readonly userKey: string | number }
  | { readonly kind: 'timer'; readonly domain: TimerDomain; readonly time: number }

/** Writes keys of portable rows. */
export class PortableKeys {
  readonly #keyGroups: number
  readonly #key = new ByteWriter(256)
  readonly #out = new ByteWriter(256)

  constructor(keyGroups: number) {
    this.#keyGroups = keyGroups
  }

  /** What all rows of a key begin with, and no others. */
  prefix(key: Key): Buffer {
    this.#key.reset()
    writeKey(key, this.#key)
    const out = this.#out
    out.reset()
    out.u16(keyGroupOf(key, this.#keyGroups))
    for (const byte of this.#key.view()) {
      out.u8(byte)
      if (byte === 0) out.u8(255)
    }
    out.u8(0)
    out.u8(0)
    return out.copy()
  }

  /** The key of a row whose key's prefix is given. */
  row(prefix: Buffer, part: PortablePart): Buffer {
    const out = this.#out
    out.reset()
    out.bytes(prefix)
    if (part.kind === 'timer') {
      out.u8(TIMER)
      out.u8(part.domain === 'event' ? 0 : 1)
      out.orderedF64(part.time)
    } else {
      out.u8(part.kind === 'state' ? STATE : ENTRY)
      out.varint(part.tag)
      if (part.kind === 'entry') writeUserKey(part.userKey, out)
    }
    return out.copy()
  }
}

/** How many bytes of a row's key its prefix takes. */
export function prefixBytes(row: Buffer): number {
  let at = 2
  while (row[at] !== 0 || row[at + 1] !== 0) at += row[at] === 0 ? 2 : 1
  return at + 2
}

export function readPrefix(prefix: Buffer): Key {
  const key: number[] = []
  for (let at = 2; at < prefix.length - 2; at += prefix[at] === 0 ? 2 : 1) key.push(prefix[at] as number)
  return readKey(new ByteReader(Buffer.from(key)))
}

export function readPart(row: Buffer, prefix: number): PortablePart {
  const reader = new ByteReader(row, prefix)
  const kind = reader.u8()
  if (kind === TIMER)
    return { kind: 'timer', domain: reader.u8() === 0 ? 'event' : 'processing', time: reader.orderedF64() }
  const tag = reader.varint()
  if (kind === STATE) return { kind: 'state', tag }
  assert(kind === ENTRY, `kind ${kind} of a portable row is known`)
  return { kind: 'entry', tag, userKey: readUserKey(reader) }
}
