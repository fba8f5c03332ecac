// The keys of rows: kind, key group, then what the kind says. Key groups are ranges of rows, so state splits by range.
//
//   meta    0
//   main    1  group u16  key
//   map     2  group u16  varint length, key  tag varint  user key
//   timer   3  group u16  domain u8  time (ordered f64)  key

import type { Key } from '../../src/util/key-group.ts'
import { keyGroupOf } from '../../src/util/key-group.ts'
import { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import { readKey, readUserKey, writeKey, writeUserKey } from './key-codec.ts'

export const META_ROW = Buffer.from([0])
export const MAIN = 1
export const MAP = 2
export const TIMER = 3

export type TimerDomain = 'event' | 'processing'

export function writeMainRowKey(key: Key, keyGroups: number, into: ByteWriter): void {
  writeHead(MAIN, key, keyGroups, into)
  writeKey(key, into)
}

export function readMainRowKey(row: Buffer): Key {
  return readKey(new ByteReader(row, 3))
}

/** Everything of a map row's key up to the tag, excluding it: common to all maps of one key. */
export function writeMapRowPrefix(key: Key, keyGroups: number, into: ByteWriter): void {
  writeHead(MAP, key, keyGroups, into)
  const from = into.length
  writeKey(key, into)
  into.insertLength(from)
}

/** Completes a map row's key behind its prefix. */
export function writeMapRowTail(tag: number, userKey: string | number, into: ByteWriter): void {
  into.varint(tag)
  writeUserKey(userKey, into)
}

export interface MapRowKey {
  readonly key: Key
  readonly tag: number
  readonly userKey: string | number
}

export function readMapRowKey(row: Buffer): MapRowKey {
  const reader = new ByteReader(row, 3)
  const key = readKey(reader.part(reader.varint()))
  return { key, tag: reader.varint(), userKey: readUserKey(reader) }
}

export function writeTimerRowKey(
  timer: { readonly key: Key; readonly time: number; readonly domain: TimerDomain },
  keyGroups: number,
  into: ByteWriter,
): void {
  writeHead(TIMER, timer.key, keyGroups, into)
  into.u8(timer.domain === 'event' ? 0 : 1)
  into.orderedF64(timer.time)
  writeKey(timer.key, into)
}

export function readTimerRowKey(row: Buffer): {
  readonly key: Key
  readonly time: number
  readonly domain: TimerDomain
} {
  const reader = new ByteReader(row, 3)
  const domain = reader.u8() === 0 ? 'event' : 'processing'
  const time = reader.orderedF64()
  return { domain, time, key: readKey(reader) }
}

/** The rows of a kind in key groups from start to before end. */
export function rowRange(kind: number, start: number, end: number): { readonly from: Buffer; readonly to: Buffer } {
  return { from: Buffer.from([kind, start >>> 8, start & 255]), to: endOfGroups(kind, end) }
}

/** The first byte string after all that begin with the prefix. */
export function afterPrefix(prefix: Buffer): Buffer {
  const next = Buffer.from(prefix)
  for (let i = next.length - 1; i >= 0; i--) {
    if (next[i] === 255) continue
    next[i] = (next[i] as number) + 1
    return next.subarray(0, i + 1)
  }
  return Buffer.from([255])
}

function endOfGroups(kind: number, end: number): Buffer {
  return Buffer.from([kind, end >>> 8, end & 255])
}

function writeHead(kind: number, key: Key, keyGroups: number, into: ByteWriter): void {
  into.u8(kind)
  into.u16(keyGroupOf(key, keyGroups))
}
