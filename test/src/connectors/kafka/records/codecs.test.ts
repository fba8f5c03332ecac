import { gzipSync } from 'node:zlib'
import { compressSync } from 'snappy'
import { describe, expect, it } from 'vitest'
import {
  COMPRESSIONS,
  openReadCodecs,
  openWriteCodec,
  readCodec,
  writeCodec,
} from '../../../../../src/connectors/kafka/records/codecs.ts'
import { unframed } from '../../../../../src/connectors/kafka/records/xerial.ts'

// 3 MB of the letter a, by Java's ZstdOutputStreamNoFinalizer.
const STREAMED_ZSTD =
  'KLUv/QBYVAAAEGFhAQD7/znAAgIAEGECABBhAgAQYQIAEGECABBhAgAQYQIAEGECABBhAgAQYQIAEGECABBhAgAQYQIAEGECABBhAgAQYQIAEGECABBhAgAQYQIAEGECABBhAgAQYQM2DmE='

const named = (kind: string) => expect.objectContaining({ kind })

describe('codecs', () => {
  it('names one that nobody has opened, and one that does not exist', () => {
    expect(() => readCodec(3, 'Batch at offset 4 of t/0')).toThrow(named('UNSUPPORTED_COMPRESSION_TYPE'))
    expect(() => readCodec(3, 'Batch at offset 4 of t/0')).toThrow(/^Batch at offset 4 of t\/0: .*lz4/)
    expect(() => readCodec(6, 'Batch at offset 4 of t/0')).toThrow(/compression 6 is not known/)
  })

  it.each(COMPRESSIONS.slice(1))('%s gives back what it got, also when that is large', async (name) => {
    await openWriteCodec(name, 'kafkaSink')
    await openReadCodecs()
    for (const bytes of [Buffer.alloc(0), Buffer.from('a'), Buffer.alloc(6_000_000, 'millrace')]) {
      const packed = Buffer.from(writeCodec(name).compress(bytes))
      expect(readCodec(COMPRESSIONS.indexOf(name), 't').decompress(packed).equals(bytes)).toBe(true)
    }
  })

  it.each(COMPRESSIONS.slice(1))('%s throws on what it has not made', async (name) => {
    await openReadCodecs()
    expect(() => readCodec(COMPRESSIONS.indexOf(name), 't').decompress(Buffer.alloc(40, 0xee))).toThrow(Error)
  })

  it('reads zstd of which the frame does not say how large it is, as Java writes it', async () => {
    await openReadCodecs()
    const frame = Buffer.from(STREAMED_ZSTD, 'base64')
    expect(readCodec(4, 't').decompress(frame).equals(Buffer.alloc(3_000_000, 'a'))).toBe(true)
  })

  it('stops at a bomb', () => {
    const bomb = gzipSync(Buffer.alloc(300 << 20))
    expect(() => readCodec(1, 't').decompress(bomb)).toThrow(RangeError)
  })
})

describe("snappy in Java's frame", () => {
  const framed = (...blocks: readonly Buffer[]): Buffer =>
    Buffer.concat([
      Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]),
      ...blocks.flatMap((block) => {
        const length = Buffer.alloc(4)
        length.writeInt32BE(block.length)
        return [length, block]
      }),
    ])

  it('is read whatever the number of its blocks', async () => {
    await openReadCodecs()
    const decompress = readCodec(2, 't').decompress
    const blocks = ['one ', 'two ', 'three'].map((text) => compressSync(text))
    expect(decompress(framed(...blocks)).toString()).toBe('one two three')
    expect(decompress(framed(...blocks.slice(0, 1))).toString()).toBe('one ')
    expect(decompress(framed())).toHaveLength(0)
  })

  it('is refused where a block is cut short', () => {
    const whole = framed(Buffer.from('abc'), Buffer.from('defg'))
    const as = (bytes: Buffer): Buffer => bytes
    expect(unframed(whole, as).toString()).toBe('abcdefg')
    for (let end = 24; end < whole.length; end += 1)
      expect(() => unframed(whole.subarray(0, end), as)).toThrow(RangeError)
  })
})
