// The bytes of a savepoint file, piece by piece. savepoint-format.md shows the whole.
//
//   head      magic 8, format u32, CRC-32 of these
//   block     payload length u32, CRC-32 of length and payload, payload
//   trailer   offset of the contents block u64, bytes of the file u64, CRC-32 of these, magic 8
//   rows      in a block: bytes shared with the key before, bytes that follow, bytes of the value (varints), key's rest, value
//   index     in a block: for each block of rows its bytes (frame included) and its first key's (varints), first key

import { MillraceError } from '../../src/errors.ts'
import { crc32 } from '../../src/util/crc32.ts'

/** The format this release writes and reads. */
const SAVEPOINT_FORMAT = 1
export const HEAD_BYTES = 16
export const FRAME_BYTES = 8
export const TRAILER_BYTES = 28
/** Rows gather into blocks of about this size: what a query of one key reads at least. */
export const BLOCK_BYTES = 64 << 10

const MAGIC = Buffer.from('MILLSAVE')
const END_MAGIC = Buffer.from('SAVE.END')

/** A row that is independent of RocksDB, of parallelism and of the job's code. Keys are unique and ordered as bytes. */
export type PortableRow = readonly [key: Buffer, value: Buffer]

/** Why bytes are not what they should be; whoever knows the file makes a SAVEPOINT_CORRUPT of it. */
export class SavepointDamage extends Error {
  readonly offset: number

  constructor(offset: number, reason: string) {
    super(reason)
    this.offset = offset
  }
}

export function encodeHead(): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  MAGIC.copy(head)
  head.writeUInt32BE(SAVEPOINT_FORMAT, 8)
  head.writeUInt32BE(crc32(head.subarray(0, 12)), 12)
  return head
}

/** Throws SavepointDamage, SAVEPOINT_VERSION. */
export function checkHead(head: Buffer, file: string): void {
  if (!head.subarray(0, 8).equals(MAGIC)) throw new SavepointDamage(0, 'it does not begin as a savepoint does')
  if (crc32(head.subarray(0, 12)) !== head.readUInt32BE(12)) throw new SavepointDamage(8, 'its head is damaged')
  const found = head.readUInt32BE(8)
  if (found !== SAVEPOINT_FORMAT) {
    throw new MillraceError('SAVEPOINT_VERSION', { file, found, expected: SAVEPOINT_FORMAT })
  }
}

/** What goes in front of a payload. */
export function encodeFrame(payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_BYTES)
  frame.writeUInt32BE(payload.byteLength, 0)
  frame.writeUInt32BE(crc32(payload, crc32(frame.subarray(0, 4))), 4)
  return frame
}

export function isIntact(frame: Buffer, payload: Buffer): boolean {
  return crc32(payload, crc32(frame.subarray(0, 4))) === frame.readUInt32BE(4)
}

/** `contentsAt`: the offset of the last block; the trailer is to end the file at `fileBytes`. */
export function encodeTrailer(contentsAt: number, fileBytes: number): Buffer {
  const trailer = Buffer.alloc(TRAILER_BYTES)
  trailer.writeBigUInt64BE(BigInt(contentsAt), 0)
  trailer.writeBigUInt64BE(BigInt(fileBytes), 8)
  trailer.writeUInt32BE(crc32(trailer.subarray(0, 16)), 16)
  END_MAGIC.copy(trailer, 20)
  return trailer
}

/** The offset of the contents block. Throws SavepointDamage: a file that is cut anywhere, or goes on, has no trailer of its size. */
export function readTrailer(trailer: Buffer, fileBytes: number): number {
  const at = fileBytes - TRAILER_BYTES
  const whole = trailer.subarray(20).equals(END_MAGIC) && crc32(trailer.subarray(0, 16)) === trailer.readUInt32BE(16)
  if (!whole) throw new SavepointDamage(at, 'it does not end as a savepoint does: it was cut, or its end is damaged')
  const written = trailer.readBigUInt64BE(8)
  if (written !== BigInt(fileBytes)) {
    throw new SavepointDamage(at, `it has ${fileBytes} bytes instead of ${written}`)
  }
  const contentsAt = Number(trailer.readBigUInt64BE(0))
  if (contentsAt > at - FRAME_BYTES) throw new SavepointDamage(at, 'its contents would begin behind its end')
  return contentsAt
}

/** Gathers rows into the payload of one block. */
export class BlockBuilder {
  #parts: Buffer[] = []
  #last: Buffer | undefined
  #first: Buffer | undefined
  bytes = 0

  /** The first key; undefined while there is no row. */
  get first(): Buffer | undefined {
    return this.#first
  }

  add([key, value]: PortableRow): void {
    const shared = this.#last === undefined ? 0 : sharedBytes(this.#last, key)
    const head = Buffer.from([...varint(shared), ...varint(key.length - shared), ...varint(value.length)])
    this.#parts.push(head, key.subarray(shared), value)
    this.bytes += head.length + key.length - shared + value.length
    this.#first ??= key
    this.#last = key
  }

  take(): Buffer {
    const payload = Buffer.concat(this.#parts, this.bytes)
    this.#parts = []
    this.#last = undefined
    this.#first = undefined
    this.bytes = 0
    return payload
  }
}

/** The rows of a block. Values are views of the payload. */
export function readRows(payload: Buffer): PortableRow[] {
  const reader = new VarintReader(payload)
  const rows: PortableRow[] = []
  let last = Buffer.alloc(0)
  while (reader.more) {
    const shared = reader.next()
    const rest = reader.next()
    const length = reader.next()
    last = Buffer.concat([last.subarray(0, shared), reader.bytes(rest)])
    rows.push([last, reader.bytes(length)])
  }
  return rows
}

/** Where a block of rows is, relative to the section, and its first key. */
export interface IndexEntry {
  readonly at: number
  readonly bytes: number
  readonly first: Buffer
}

export function encodeIndex(entries: readonly Omit<IndexEntry, 'at'>[]): Buffer {
  return Buffer.concat(
    entries.flatMap(({ bytes, first }) => [Buffer.from([...varint(bytes), ...varint(first.length)]), first]),
  )
}

export function readIndex(payload: Buffer): IndexEntry[] {
  const reader = new VarintReader(payload)
  const entries: IndexEntry[] = []
  let at = 0
  while (reader.more) {
    const bytes = reader.next()
    entries.push({ at, bytes, first: reader.bytes(reader.next()) })
    at += bytes
  }
  return entries
}

class VarintReader {
  readonly #buffer: Buffer
  #at = 0

  constructor(buffer: Buffer) {
    this.#buffer = buffer
  }

  get more(): boolean {
    return this.#at < this.#buffer.length
  }

  next(): number {
    let value = 0
    for (let shift = 1; ; shift *= 128) {
      const byte = this.#buffer.readUInt8(this.#at++)
      value += (byte & 0x7f) * shift
      if (byte < 0x80) return value
    }
  }

  bytes(length: number): Buffer {
    this.#at += length
    return this.#buffer.subarray(this.#at - length, this.#at)
  }
}

/** 7 bits a byte, the lowest first. */
function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return bytes
}

function sharedBytes(a: Buffer, b: Buffer): number {
  const most = Math.min(a.length, b.length)
  let shared = 0
  while (shared < most && a[shared] === b[shared]) shared += 1
  return shared
}
