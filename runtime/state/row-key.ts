// The keys of rows. Those of keys begin with kind and key group: key groups are ranges of rows, so state splits by range.
// Those of timers are in the order of time, over all groups: the earliest are read first.
//
//   meta    0
//   main    1  group u16  key
//   map     2  group u16  varint length, key  tag varint  user key
//   timer   3  domain u8  time (ordered f64)  group u16  key

import type { Key } from '../../src/util/key-group.ts'
import { keyGroupOf } from '../../src/util/key-group.ts'
import { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import { readKey, readUserKey, writeKey, writeUserKey } from './key-codec.ts'

export const META_ROW = Buffer.from([0])
export const MAIN = 1
export const MAP = 2
const TIMER = 3

/** A timer's row says all in its key. Its value is not empty, for the binding never frees its copy of an empty one. */
export const TIMER_VALUE = Buffer.from([0])

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
  const at = into.openLength()
  writeKey(key, into)
  into.closeLength(at)
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
  domain: TimerDomain,
  timer: { readonly key: Key; readonly time: number },
  keyGroups: number,
  into: ByteWriter,
): void {
  writeTimerTime(domain, timer.time, into)
  into.u16(keyGroupOf(timer.key, keyGroups))
  writeKey(timer.key, into)
}

/** What the row keys of all timers of one time begin with. */
export function writeTimerTime(domain: TimerDomain, time: number, into: ByteWriter): void {
  into.u8(TIMER)
  into.u8(domain === 'event' ? 0 : 1)
  into.orderedF64(time)
}

export interface TimerRowKey {
  readonly domain: TimerDomain
  readonly time: number
  readonly group: number
  readonly key: Key
}

export function readTimerRowKey(row: Buffer): TimerRowKey {
  const reader = new ByteReader(row, 1)
  const domain = reader.u8() === 0 ? 'event' : 'processing'
  const time = reader.orderedF64()
  const group = reader.u16()
  return { domain, time, group, key: readKey(reader) }
}

/** The rows of the timers of a domain, or of both: of all key groups, by time. */
export function timerRange(domain?: TimerDomain): { readonly from: Buffer; readonly to: Buffer } {
  const from = Buffer.from(domain === undefined ? [TIMER] : [TIMER, domain === 'event' ? 0 : 1])
  return { from, to: afterPrefix(from) }
}

/** The main or map rows of key groups from start to before end. */
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
