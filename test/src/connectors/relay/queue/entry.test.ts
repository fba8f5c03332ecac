import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeEntry, encodeEntry } from '../../../../../src/connectors/relay/queue/entry.ts'

describe('batch entry', () => {
  it('comes back as it was, whatever its numbers and wherever its bytes lie', () => {
    const entry = fc.record({
      firstRecord: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
      count: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      atMs: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
      records: fc.uint8Array(),
    })
    fc.assert(
      fc.property(entry, fc.nat(9), (one, shift) => {
        const bytes = encodeEntry(one)
        const shifted = new Uint8Array(shift + bytes.length)
        shifted.set(bytes, shift)
        const back = decodeEntry(shifted.subarray(shift))
        expect({ ...back, records: [...back.records] }).toEqual({ ...one, records: [...one.records] })
      }),
    )
  })

  it('is refused when it is cut short or of another version', () => {
    const bytes = encodeEntry({ firstRecord: 1, count: 1, atMs: 1, records: new Uint8Array() })
    for (let length = 0; length < bytes.length; length += 1)
      expect(() => decodeEntry(bytes.subarray(0, length))).toThrow('at least 17 bytes')
    bytes[0] = 2
    expect(() => decodeEntry(bytes)).toThrow('version 2')
  })
})
