import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32, crc32ByTable } from '../../../src/util/crc32.ts'

describe('crc32', () => {
  it('is the CRC-32 of gzip', () => {
    expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926)
    expect(crc32ByTable(Buffer.from('123456789'))).toBe(0xcbf43926)
  })

  it('is the same by table, and in pieces', () => {
    void fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 200 }), (a, b) => {
        const whole = crc32(Buffer.concat([a, b]))
        expect(crc32(b, crc32(a))).toBe(whole)
        expect(crc32ByTable(b, crc32ByTable(a))).toBe(whole)
      }),
    )
  })
})
