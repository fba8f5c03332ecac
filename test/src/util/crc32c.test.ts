import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { crc32c } from '../../../src/util/crc32c.ts'

/** Bit by bit, as the polynomial says. */
function bitwise(bytes: Uint8Array): number {
  let crc = -1
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? 0x82f63b78 ^ (crc >>> 1) : crc >>> 1
  }
  return ~crc >>> 0
}

it('is the CRC-32C of RFC 3720', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa)
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43)
})

it('is the same as bit by bit, from any byte to any other', () => {
  void fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(40), fc.nat(40), (bytes, before, behind) => {
      const from = Math.min(before, bytes.length)
      const to = Math.max(from, bytes.length - behind)
      expect(crc32c(bytes, from, to)).toBe(bitwise(bytes.subarray(from, to)))
      expect(crc32c(bytes, from, bytes.length, crc32c(bytes, 0, from))).toBe(bitwise(bytes))
    }),
  )
})

it('is the same as bit by bit of long ones, from any byte of a buffer to any other, in parts too', () =>
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1000, maxLength: 5000 }),
      fc.nat(40),
      fc.nat(40),
      (whole, before, behind) => {
        const bytes = whole.subarray(before % 7)
        const to = bytes.length - behind
        expect(crc32c(bytes, before, to)).toBe(bitwise(bytes.subarray(before, to)))
        expect(crc32c(bytes, before, to, crc32c(bytes, 0, before))).toBe(bitwise(bytes.subarray(0, to)))
      },
    ),
  ))
