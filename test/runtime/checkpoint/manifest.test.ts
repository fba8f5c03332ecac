import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeManifest, encodeManifest, ManifestDamage } from '../../../runtime/checkpoint/manifest.ts'
import { manifestOf } from './samples.ts'

describe('manifest', () => {
  it('comes back as it was, bytes included, and is JSON', () => {
    const text = encodeManifest(manifestOf(7))
    const back = decodeManifest(text, '7')
    const operator = back.tasks[0]?.nodes[1]?.operator
    expect(operator).toBeInstanceOf(Uint8Array)
    expect([...(operator ?? [])]).toEqual([1, 2, 3])
    expect(back.id).toBe(7)
    expect(back.graph).toEqual(JSON.parse(JSON.stringify(manifestOf(7).graph)))
    expect(JSON.parse(Buffer.from(text).toString()).body.job).toBe('shop')
  })

  it('notices any bit that flips and any end that is cut', () => {
    const text = encodeManifest(manifestOf(7))
    const bodyEnd = text.byteLength - 2
    const whole = JSON.stringify(decodeManifest(text, '7'))
    fc.assert(
      fc.property(fc.nat(bodyEnd - 1), fc.nat(7), (at, bit) => {
        const flipped = Uint8Array.from(text)
        flipped[at] = (flipped[at] ?? 0) ^ (1 << bit)
        // A digit of the format that flips to another is another format; all else is damage.
        expect(() => decodeManifest(flipped, '7')).toThrow(/begin|cut|checksum|format/)
      }),
      { numRuns: 2000 },
    )
    for (let length = 0; length < bodyEnd; length += 7) {
      expect(() => decodeManifest(text.subarray(0, length), '7')).toThrow(ManifestDamage)
    }
    expect(JSON.stringify(decodeManifest(text, '7'))).toBe(whole)
  })

  it('refuses another format by name', () => {
    const text = Buffer.from(
      Buffer.from(encodeManifest(manifestOf(7)))
        .toString()
        .replace('"format":1', '"format":9'),
    )
    expect(() => decodeManifest(text, '7')).toThrow(/Checkpoint 7 has format 9; this release reads format 1/)
  })
})
