// Events that begin a transaction in the log and name it.

import { GtidSet, type Gtids } from './gtid-set.ts'
import type { Cursor } from './log/cursor.ts'
import { EventType, type LogEvent } from './log/event.ts'
import { MariadbGtids } from './mariadb-gtid.ts'

/** How a transaction begins. */
export interface TransactionHead {
  /** As in GTID sets; undefined for an anonymous one. */
  readonly gtid: string | undefined
  /** When it was committed, where the event says so to the microsecond; undefined: the event that ends it tells. */
  readonly committedMs: number | undefined
  /** One statement that stands for itself follows, without an end. MySQL does not tell: its transactions begin with a BEGIN. */
  readonly standalone: boolean | undefined
}

/** Whether an event begins a transaction. */
export function beginsTransaction(type: number): boolean {
  return (
    type === EventType.gtid ||
    type === EventType.mariadbGtid ||
    type === EventType.anonymousGtid ||
    type === EventType.gtidTagged
  )
}

/** Reads such an event. */
export function readTransactionHead(event: LogEvent): TransactionHead {
  if (event.type === EventType.mariadbGtid) return readMariadb(event)
  if (event.type === EventType.gtidTagged) return readTagged(event.body)
  return readMysql(event.body, event.type === EventType.anonymousGtid)
}

const STANDALONE = 1

/** number 8 · domain 4 · flags 1 · … */
function readMariadb({ body, serverId }: LogEvent): TransactionHead {
  const number = readUInt64(body, 0)
  return {
    gtid: `${body.readUInt32LE(8)}-${serverId}-${number}`,
    committedMs: undefined,
    standalone: ((body[12] as number) & STANDALONE) !== 0,
  }
}

/** flags 1 · uuid 16 · number 8 · kind of clock 1, two times 8 · committed here 7, with the highest bit set if committed elsewhere 7 follows · … */
function readMysql(body: Buffer, anonymous: boolean): TransactionHead {
  const number = readUInt64(body, 17)
  return {
    gtid: anonymous ? undefined : `${uuidText(body, 1)}:${number}`,
    committedMs: readCommitted(body),
    standalone: undefined,
  }
}

const COMMITTED_AT = 42
const ELSEWHERE = 2 ** 55

function readCommitted(body: Buffer): number | undefined {
  if (body.length < COMMITTED_AT + 7) return undefined
  const microseconds = readUInt56(body, COMMITTED_AT)
  if (microseconds < ELSEWHERE) return Math.floor(microseconds / 1000)
  return Math.floor(readUInt56(body, COMMITTED_AT + 7) / 1000)
}

/** Times fit a double until the year 2255. */
function readUInt56(body: Buffer, at: number): number {
  return body.readUInt32LE(at) + body.readUIntLE(at + 4, 3) * 2 ** 32
}

/** What was executed before a file: Previous_gtids, or MariaDB's list. Undefined if the event does not tell. */
export function readExecuted(event: LogEvent): Gtids | undefined {
  // One that is made up for the dump tells what the reader has, as the server sees it.
  if (event.end === 0) return undefined
  return event.type === EventType.mariadbGtidList ? readMariadbList(event.body) : readPrevious(event.body)
}

/** count 4, its four highest bits are flags · for each: domain 4, server 4, number 8; of a domain the latest comes last */
function readMariadbList(body: Buffer): Gtids {
  const gtids = new MariadbGtids()
  const count = body.readUInt32LE(0) & 0xfffffff
  for (let at = 4; at < 4 + 16 * count; at += 16)
    gtids.add(`${body.readUInt32LE(at)}-${body.readUInt32LE(at + 4)}-${body.readBigUInt64LE(at + 8)}`)
  return gtids
}

/** count 8 · for each: uuid 16, [tag], count of ranges 8, for each: from 8, behind 8. With tags the count is in its middle, between two ones. */
function readPrevious(body: Buffer): Gtids {
  const gtids = new GtidSet()
  const tagged = body[7] === 1
  const count = tagged ? body.readUIntLE(1, 6) : body.readUInt32LE(0)
  const cursor: Cursor = { buffer: body, at: 8 }
  for (let i = 0; i < count; i++) {
    let source = uuidText(body, cursor.at)
    cursor.at += 16
    const tag = tagged ? readText(cursor) : ''
    if (tag !== '') source += `:${tag}`
    const behind = cursor.at + 8 + 16 * body.readUInt32LE(cursor.at)
    for (cursor.at += 8; cursor.at < behind; cursor.at += 16)
      gtids.addRange(source, readUInt64(body, cursor.at), readUInt64(body, cursor.at + 8) - 1)
  }
  return gtids
}

function readUInt64(body: Buffer, at: number): number {
  return body.readUInt32LE(at) + body.readUInt32LE(at + 4) * 2 ** 32
}

let lastUuid = Buffer.alloc(0)
let lastText = ''

/** Most transactions are of the same server as the one before. */
function uuidText(body: Buffer, at: number): string {
  if (lastUuid.length === 16 && body.compare(lastUuid, 0, 16, at, at + 16) === 0) return lastText
  lastUuid = Buffer.from(body.subarray(at, at + 16))
  lastText = lastUuid.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  return lastText
}

/** Numbers of the fields of a tagged GTID. */
const Field = {
  flags: 0,
  uuid: 1,
  number: 2,
  tag: 3,
  lastCommitted: 4,
  sequence: 5,
  committed: 6,
  committedElsewhere: 7,
} as const

/** Fields with their numbers in front, ascending; all integers of variable length. */
function readTagged(body: Buffer): TransactionHead {
  const cursor: Cursor = { buffer: body, at: 0 }
  for (let i = 0; i < 3; i++) readInteger(cursor) // version, size, the last field that must be understood
  let source = ''
  let number = 0
  let committedMs: number | undefined
  while (cursor.at < body.length) {
    const field = readInteger(cursor)
    if (field === Field.uuid) source = readUuid(cursor)
    else if (field === Field.number)
      number = readInteger(cursor) / 2 // zigzag, and never negative
    else if (field === Field.tag) source += `:${readText(cursor)}`
    else if (field === Field.committed || field === Field.committedElsewhere)
      committedMs = Math.floor(readInteger(cursor) / 1000)
    else if (field > Field.committedElsewhere) break
    else readInteger(cursor)
  }
  return { gtid: `${source}:${number}`, committedMs, standalone: undefined }
}

function readUuid(cursor: Cursor): string {
  return uuidText(Buffer.from(Array.from({ length: 16 }, () => readInteger(cursor))), 0)
}

function readText(cursor: Cursor): string {
  const length = readInteger(cursor)
  cursor.at += length
  return cursor.buffer.toString('utf8', cursor.at - length, cursor.at)
}

/** The ones at the low end of the first byte tell how many bytes follow it; behind the zero above them the number begins. */
function readInteger(cursor: Cursor): number {
  const { buffer, at } = cursor
  const first = buffer.readUInt8(at)
  let more = 0
  while (more < 8 && (first >> more) & 1) more += 1
  cursor.at = at + more + 1
  if (more === 8) return Number(buffer.readBigUInt64LE(at + 1))
  let high = 0
  for (let i = more; i > 0; i--) high = high * 256 + (buffer[at + i] as number)
  return high * 2 ** (7 - more) + (first >> (more + 1))
}
