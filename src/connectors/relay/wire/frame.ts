// Frames: a preface of 12 bytes (little endian), the header, the body.
//
//   u32 bytes of header and body | u32 bytes of the header | u32 CRC-32C of the 8 bytes before, header and body

import { assert } from '../../../util/assert.ts'
import { crc32c } from '../../../util/crc32c.ts'
import { decodeMessage } from './decode-message.ts'
import { encodeMessage } from './encode-message.ts'
import type { Message } from './messages.ts'
import { WireFailure } from './wire-failure.ts'
import { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

const PREFACE_BYTES = 12
/** Of the preface, those that the CRC covers. */
const LENGTHS_BYTES = 8
const HEADER_BYTES_MAX = 16_384
const NOTHING = Buffer.alloc(0)

const writer = new WireWriter(HEADER_BYTES_MAX)

/** The bytes of a frame, in one or two pieces; the body is not copied. Throws WireFailure for fields beyond their limits. */
export function encodeFrame(message: Message, body: Uint8Array = NOTHING): readonly Uint8Array[] {
  writer.reset()
  encodeMessage(writer, message)
  const head = writer.finish(PREFACE_BYTES)
  const headerBytes = head.length - PREFACE_BYTES
  head.writeUInt32LE(headerBytes + body.length, 0)
  head.writeUInt32LE(headerBytes, 4)
  const crc = crc32c(head, PREFACE_BYTES, head.length, crc32c(head, 0, LENGTHS_BYTES))
  head.writeUInt32LE(crc32c(body, 0, body.length, crc), LENGTHS_BYTES)
  return body.length === 0 ? [head] : [head, body]
}

/** A frame that came. */
export interface Frame {
  readonly message: Message
  /** The taker's to keep; it may be a part of the chunk it came in. */
  readonly body: Buffer
}

// FrameDecoder: cuts what a socket gives into frames.
//
// Owns: the beginning of a frame whose end has not come.
//
// I1. A length is checked before anything is allocated for it; then a frame's bytes are copied once at most, into a buffer of
//     their length, however small the chunks are. A frame that lies in one chunk is not copied.
// I2. Between chunks nothing is kept but what came of one frame. After a WireFailure the decoder is of no use.
export class FrameDecoder {
  /** Bytes of header and body of a frame, at most; holds for frames of which nothing came yet. */
  frameBytesMax: number
  readonly #preface = Buffer.alloc(PREFACE_BYTES)
  #prefaceBytes = 0
  #headerBytes = 0
  /** Header and body of a frame that came in several chunks, filled up to #filled. */
  #frame: Buffer | undefined
  #filled = 0
  #chunk: Buffer = NOTHING
  #at = 0

  constructor(frameBytesMax: number) {
    this.frameBytesMax = frameBytesMax
  }

  /** Takes what a socket gave. What was pushed before must have been taken: next() gave undefined. */
  push(chunk: Buffer): void {
    assert(this.#at === this.#chunk.length, 'a chunk comes when the frames of the last were taken')
    this.#chunk = chunk
    this.#at = 0
  }

  /** The next whole frame. Throws WireFailure. */
  next(): Frame | undefined {
    const frame = this.#cut()
    if (frame === undefined) {
      this.#chunk = NOTHING
      this.#at = 0
    }
    return frame
  }

  /** Bytes that came of a frame whose end has not come, and of what was not taken yet. */
  get pendingBytes(): number {
    return this.#prefaceBytes + this.#filled + this.#chunk.length - this.#at
  }

  #cut(): Frame | undefined {
    if (this.#frame === undefined && !this.#readPreface()) return undefined
    const length = this.#preface.readUInt32LE(0)
    if (this.#frame === undefined && this.#chunk.length - this.#at >= length) {
      this.#at += length
      return this.#whole(this.#chunk.subarray(this.#at - length, this.#at))
    }
    this.#frame ??= Buffer.allocUnsafe(length)
    const copied = this.#chunk.copy(this.#frame, this.#filled, this.#at)
    this.#filled += copied
    this.#at += copied
    return this.#filled === length ? this.#whole(this.#frame) : undefined
  }

  /** True when the preface is there and its lengths are within limits. */
  #readPreface(): boolean {
    const copied = this.#chunk.copy(this.#preface, this.#prefaceBytes, this.#at)
    this.#prefaceBytes += copied
    this.#at += copied
    if (this.#prefaceBytes < PREFACE_BYTES) return false
    const length = this.#preface.readUInt32LE(0)
    this.#headerBytes = this.#preface.readUInt32LE(4)
    if (length > this.frameBytesMax)
      throw new WireFailure('LIMIT', `a frame of ${length} bytes, over ${this.frameBytesMax}`)
    if (this.#headerBytes > Math.min(length, HEADER_BYTES_MAX))
      throw new WireFailure('LIMIT', `a header of ${this.#headerBytes} bytes in a frame of ${length}`)
    return true
  }

  #whole(frame: Buffer): Frame {
    const crc = crc32c(frame, 0, frame.length, crc32c(this.#preface, 0, LENGTHS_BYTES))
    if (crc !== this.#preface.readUInt32LE(LENGTHS_BYTES))
      throw new WireFailure('PROTOCOL', 'the CRC of a frame is not that of its bytes')
    const message = decodeMessage(new WireReader(frame, 0, this.#headerBytes))
    const body = frame.subarray(this.#headerBytes)
    if (body.length > 0 && message.kind !== 'batch') throw new WireFailure('PROTOCOL', `a body behind ${message.kind}`)
    this.#prefaceBytes = 0
    this.#frame = undefined
    this.#filled = 0
    return { message, body }
  }
}
