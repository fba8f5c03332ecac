import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Cursor } from '../../../../../src/connectors/mysql/log/cursor.ts'
import { decimalReader } from '../../../../../src/connectors/mysql/log/decimal.ts'

const BYTES = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4]

/** A decimal as the server writes it: `digits` of the whole part and the fraction, both padded. */
function write(digits: string, scale: number, negative: boolean): Buffer {
  const whole = digits.slice(0, digits.length - scale)
  const head = whole.length % 9
  const groups = [
    ...(head > 0 ? [whole.slice(0, head)] : []),
    ...(whole.slice(head).match(/.{9}/g) ?? []),
    ...(digits.slice(digits.length - scale).match(/.{1,9}/g) ?? []),
  ]
  const bytes = Buffer.concat(
    groups.map((group) => {
      const part = Buffer.alloc(4)
      part.writeUInt32BE(Number(group))
      return part.subarray(4 - (BYTES[group.length] as number))
    }),
  )
  bytes[0] = (bytes[0] as number) ^ 0x80
  return negative ? Buffer.from(bytes.map((byte) => ~byte)) : bytes
}

function print(digits: string, scale: number, negative: boolean): string {
  const whole = digits.slice(0, digits.length - scale).replace(/^0+/, '') || '0'
  return `${negative ? '-' : ''}${whole}${scale > 0 ? `.${digits.slice(digits.length - scale)}` : ''}`
}

const decimals = fc.integer({ min: 1, max: 65 }).chain((precision) =>
  fc.record({
    digits: fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 9 })), {
      minLength: precision,
      maxLength: precision,
    }),
    scale: fc.integer({ min: 0, max: Math.min(30, precision) }),
    negative: fc.boolean(),
  }),
)

describe('decimalReader', () => {
  it('reads any decimal as the server prints it, and no byte more', () => {
    fc.assert(
      fc.property(decimals, ({ digits, scale, negative }) => {
        const text = digits.join('')
        // There is no negative zero: the server does not write it.
        const sign = negative && /[1-9]/.test(text)
        const bytes = write(text, scale, sign)
        const cursor: Cursor = { buffer: Buffer.concat([Buffer.from([0xff]), bytes, Buffer.from([0xff])]), at: 1 }
        expect(decimalReader(text.length, scale)(cursor)).toBe(print(text, scale, sign))
        expect(cursor.at).toBe(1 + bytes.length)
      }),
      { numRuns: 2000 },
    )
  })
})
