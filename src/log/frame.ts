// The frame of a record in a segment: 24 bytes of header, then the payload. Little endian.
//
//   0  u32  CRC-32C of bytes 4 to the frame's end
//   4  u32  payload length; 0xFFFFFFFF: a mark, which has no payload
//   8  u48  sequence of the record; of a mark: the sequence of the next record
//  14  u16  0
//  16  u48  durable: every record with a smaller sequence was on the disk when this frame was made
//  22  u16  0
//
// `durable` is what tells damage from a torn tail: a bad frame that a later good one calls durable had been synced once.

import { crc32c } from '../util/crc32c.ts'

export const HEADER_BYTES = 24
/** Larger payloads are refused: a length beyond this is taken for garbage. */
export const PAYLOAD_BYTES_MAX = 0x7fff_ffff

const MARK = 0xffff_ffff

export interface Frame {
  readonly mark: boolean
  readonly sequence: number
  readonly durable: number
  /** A view of the bytes it was parsed from. */
  readonly payload: Uint8Array
  /** Whole length, header included. */
  readonly bytes: number
}

/** A record's frame; the payload is copied. */
export function encodeRecord(sequence: number, durable: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length)
  frame.set(payload, HEADER_BYTES)
  return seal(frame, sequence, durable, [payload])
}

/** What is written before the parts of a payload to make them a record's frame. */
export function encodeHeader(sequence: number, durable: number, payload: readonly Uint8Array[]): Buffer {
  return seal(Buffer.allocUnsafe(HEADER_BYTES), sequence, durable, payload)
}

/** A mark: says what is durable, and carries nothing. */
export function encodeMark(next: number, durable: number): Buffer {
  return seal(Buffer.allocUnsafe(HEADER_BYTES), next, durable, undefined)
}

function seal(frame: Buffer, sequence: number, durable: number, payload: readonly Uint8Array[] | undefined): Buffer {
  frame.writeUInt32LE(payload === undefined ? MARK : bytesOf(payload), 4)
  frame.writeUIntLE(sequence, 8, 6)
  frame.writeUInt16LE(0, 14)
  frame.writeUIntLE(durable, 16, 6)
  frame.writeUInt16LE(0, 22)
  let crc = crc32c(frame, 4, HEADER_BYTES)
  if (payload !== undefined) for (const part of payload) crc = crc32c(part, 0, part.length, crc)
  frame.writeUInt32LE(crc, 0)
  return frame
}

/** Of all parts together. */
export function bytesOf(parts: readonly Uint8Array[]): number {
  let bytes = 0
  for (const { length } of parts) bytes += length
  return bytes
}

/** How long the frame at `offset` says it is, or undefined where a header does not fit or cannot be one. */
export function frameBytes(bytes: Buffer, offset: number): number | undefined {
  if (bytes.length - offset < HEADER_BYTES) return undefined
  const length = bytes.readUInt32LE(offset + 4)
  if (length === MARK) return HEADER_BYTES
  return length > PAYLOAD_BYTES_MAX ? undefined : HEADER_BYTES + length
}

/** The frame at `offset`, or undefined if there is no whole and good one. */
export function parseFrame(bytes: Buffer, offset: number): Frame | undefined {
  const length = frameBytes(bytes, offset)
  if (length === undefined || offset + length > bytes.length) return undefined
  if (crc32c(bytes, offset + 4, offset + length) !== bytes.readUInt32LE(offset)) return undefined
  return {
    mark: bytes.readUInt32LE(offset + 4) === MARK,
    sequence: bytes.readUIntLE(offset + 8, 6),
    durable: bytes.readUIntLE(offset + 16, 6),
    payload: bytes.subarray(offset + HEADER_BYTES, offset + length),
    bytes: length,
  }
}

/** Looks in what begins with a bad frame for a good one that says record `sequence` was durable: then the bad one is damage. */
export function calledDurable(bytes: Buffer, sequence: number): boolean {
  for (let at = 0; at + HEADER_BYTES <= bytes.length; at += 1) {
    // The cheap tests come first: the CRC is computed for hardly any offset that is not a frame.
    if (bytes.readUInt16LE(at + 14) !== 0 || bytes.readUInt16LE(at + 22) !== 0) continue
    const next = bytes.readUIntLE(at + 8, 6)
    const durable = bytes.readUIntLE(at + 16, 6)
    if (durable <= sequence || durable > next || next > sequence + bytes.length) continue
    if (parseFrame(bytes, at) !== undefined) return true
  }
  return false
}
