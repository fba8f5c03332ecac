import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { encodeFrame, type Frame, FrameDecoder } from '../../../../../src/connectors/relay/wire/frame.ts'
import type { Message } from '../../../../../src/connectors/relay/wire/messages.ts'
import { WireFailure } from '../../../../../src/connectors/relay/wire/wire-failure.ts'
import { anyMessage, frameOf, oracleHeader, oracleMessage, plain } from './wire-oracle.ts'

const BATCH: Message = {
  kind: 'batch',
  stream: 1,
  sequence: 70_000,
  firstRecord: 5_000_000_000,
  count: 10,
  atMs: 1_700_000_000_000,
  compression: 'snappy',
  plainBytes: 300_000,
}

function bytesOf(message: Message, body?: Uint8Array): Buffer {
  return Buffer.concat(encodeFrame(message, body))
}

function decodeAll(chunks: readonly Buffer[], frameBytesMax = 1 << 20): Frame[] {
  const decoder = new FrameDecoder(frameBytesMax)
  const frames: Frame[] = []
  for (const chunk of chunks) {
    decoder.push(chunk)
    for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) frames.push(frame)
  }
  expect(decoder.pendingBytes).toBe(0)
  return frames
}

afterEach(() => vi.restoreAllMocks())

describe('frames', () => {
  test('every message comes out as it went in, and protobufjs writes and reads the same bytes', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const bytes = bytesOf(message)
        const header = bytes.subarray(12)
        expect(header.equals(oracleHeader(message))).toBe(true)
        expect(plain(oracleMessage(header))).toEqual(plain(message))
        const [frame] = decodeAll([bytes])
        expect(frame?.message).toEqual(message)
        expect(frame?.body).toHaveLength(0)
      }),
      { numRuns: 2000 },
    )
  })

  test('I1. come out the same however they are cut into chunks', () => {
    const body = fc.uint8Array({ maxLength: 200 })
    const frame = fc.oneof(
      body.map((bytes) => ({ message: BATCH, bytes })),
      anyMessage.map((message) => ({ message, bytes: new Uint8Array(0) })),
    )
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 90 })), (sent, cuts) => {
        const bytes = Buffer.concat(sent.map((one) => bytesOf(one.message, one.bytes)))
        const chunks: Buffer[] = []
        let at = 0
        for (let cut = 0; at < bytes.length; cut += 1) {
          const length = cuts.length === 0 ? bytes.length : (cuts[cut % cuts.length] ?? 1)
          chunks.push(bytes.subarray(at, at + length))
          at += length
        }
        const got = decodeAll(chunks)
        expect(got.map(({ message }) => message)).toEqual(sent.map(({ message }) => message))
        expect(got.map(({ body }) => [...body])).toEqual(sent.map(({ bytes }) => [...bytes]))
      }),
      { numRuns: 500 },
    )
  })

  test('I1. of one chunk are not copied; of many chunks once, into a buffer of their length', () => {
    const body = Buffer.alloc(100_000, 5)
    const [head, sent] = encodeFrame(BATCH, body)
    expect(sent).toBe(body)
    const chunk = Buffer.concat([head as Uint8Array, body])
    const [whole] = decodeAll([chunk])
    expect(whole?.body.buffer).toBe(chunk.buffer)

    const allocated = vi.spyOn(Buffer, 'allocUnsafe')
    const decoder = new FrameDecoder(1 << 20)
    let frame: Frame | undefined
    for (let at = 0; at < chunk.length; at += 1) {
      expect(frame).toBeUndefined()
      decoder.push(chunk.subarray(at, at + 1))
      frame = decoder.next()
      if (frame === undefined) expect(decoder.pendingBytes).toBe(at + 1)
    }
    expect(frame?.body.equals(body)).toBe(true)
    expect(allocated.mock.calls).toEqual([[chunk.length - 12]])
  })

  test('a chunk is taken only when the frames of the last one were', () => {
    const decoder = new FrameDecoder(1 << 20)
    decoder.push(bytesOf(BATCH))
    expect(() => decoder.push(bytesOf(BATCH))).toThrow(expect.objectContaining({ code: 'INVARIANT' }))
  })
})

describe('what no frame is', () => {
  const preface = (length: number, headerBytes: number) => {
    const bytes = Buffer.alloc(12)
    bytes.writeUInt32LE(length, 0)
    bytes.writeUInt32LE(headerBytes, 4)
    return bytes
  }
  const refusal = (bytes: Buffer, frameBytesMax = 1 << 20): unknown => {
    const decoder = new FrameDecoder(frameBytesMax)
    decoder.push(bytes)
    try {
      return decoder.next()
    } catch (error) {
      return error
    }
  }

  test.each([
    ['longer than agreed', (1 << 20) + 1, 10, 'LIMIT'],
    ['of 2^31 bytes', 2 ** 31, 10, 'LIMIT'],
    ['of -1 bytes', 0xffff_ffff, 10, 'LIMIT'],
    ['with a header longer than itself', 100, 101, 'LIMIT'],
    ['with a header of -1 bytes', 100, 0xffff_ffff, 'LIMIT'],
    ['with a header longer than headers are', 1 << 20, 16_385, 'LIMIT'],
  ])('a frame %s is refused before anything is allocated', (_what, length, headerBytes, code) => {
    const allocated = vi.spyOn(Buffer, 'allocUnsafe')
    const failure = refusal(preface(length, headerBytes))
    expect(failure).toBeInstanceOf(WireFailure)
    expect(failure).toMatchObject({ code })
    expect(allocated).not.toHaveBeenCalled()
  })

  test('a frame of nothing, and one whose header is empty, have no message', () => {
    expect(refusal(frameOf(Buffer.alloc(0)))).toMatchObject({ code: 'PROTOCOL', reason: 'a frame without a message' })
    expect(refusal(frameOf(Buffer.alloc(0), Buffer.alloc(50)))).toMatchObject({ reason: 'a frame without a message' })
  })

  test('only a batch has a body', () => {
    const header = oracleHeader({ kind: 'ping', nonce: 1 })
    expect(refusal(frameOf(header, Buffer.from('x')))).toMatchObject({ code: 'PROTOCOL', reason: 'a body behind ping' })
  })

  test('a limit that was raised holds for the next frame', () => {
    const decoder = new FrameDecoder(1000)
    const large = bytesOf(BATCH, Buffer.alloc(2000))
    decoder.push(bytesOf({ kind: 'ping', nonce: 1 }))
    expect(decoder.next()?.message.kind).toBe('ping')
    expect(decoder.next()).toBeUndefined()
    decoder.frameBytesMax = 5000
    decoder.push(large)
    expect(decoder.next()?.body).toHaveLength(2000)
  })

  test('a frame with any one bit turned over is refused', () => {
    const frame = bytesOf(BATCH, Buffer.from('records of a batch'))
    // What follows on the line completes a frame whose length has grown.
    const follows = Buffer.alloc(1 << 16, 0xa5)
    for (let bit = 0; bit < frame.length * 8; bit += 1) {
      const broken = Buffer.concat([frame, follows])
      broken.writeUInt8(broken.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      expect(refusal(broken, 1 << 16), `bit ${bit}`).toBeInstanceOf(WireFailure)
    }
  })
})

describe('what cannot be sent', () => {
  test.each<[string, Message]>([
    [
      'a name beyond its limit',
      { kind: 'openStream', stream: 1, name: 'ü'.repeat(151), codec: '', first: 0, next: 0, acked: 0, common: 0 },
    ],
    ['a negative number', { kind: 'ack', stream: -1, next: 0, credit: 0 }],
    ['a number beyond 32 bits', { kind: 'ack', stream: 2 ** 32, next: 0, credit: 0 }],
    ['a number that a double rounds', { kind: 'ack', stream: 1, next: 2 ** 53, credit: 0 }],
    ['a fraction', { kind: 'ack', stream: 1, next: 0.5, credit: 0 }],
    ['no number', { kind: 'ack', stream: Number.NaN, next: 0, credit: 0 }],
  ])('%s', (_what, message) => {
    expect(() => encodeFrame(message)).toThrow(expect.objectContaining({ name: 'WireFailure', code: 'LIMIT' }))
    // What failed leaves nothing behind.
    expect(decodeAll([bytesOf(BATCH)])[0]?.message).toEqual(BATCH)
  })
})
