import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  cutText,
  formatBytes,
  formatCount,
  formatDuration,
  formatRate,
  plainLine,
  textWidth,
} from '../../../runtime/cli/format.ts'

describe('numbers', () => {
  it.each([
    [0, '0'],
    [999, '999'],
    [1000, '1,000'],
    [1_204_000, '1,204,000'],
  ])('count %d', (n, text) => expect(formatCount(n)).toBe(text))
  it.each([
    [0, '0'],
    [0.25, '0.3'],
    [12.4, '12'],
    [950, '950'],
    [41_234, '41.2k'],
    [999_999, '1.00M'],
    [12e6, '12.0M'],
  ])('rate %d', (n, text) => expect(formatRate(n)).toBe(text))
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.00 KiB'],
    [12_900_000, '12.3 MiB'],
    [2 ** 30, '1.00 GiB'],
  ])('bytes %d', (n, text) => expect(formatBytes(n)).toBe(text))
  it.each([
    [-5, '0ms'],
    [84, '84ms'],
    [999.6, '1.0s'],
    [1234, '1.2s'],
    [59_400, '59s'],
    [184_000, '3m 04s'],
    [7_500_000, '2h 05m'],
    [273_600_000, '3d 04h'],
  ])('duration %d', (n, text) => expect(formatDuration(n)).toBe(text))
})

describe('text', () => {
  it('is cut by columns, not by characters', () => {
    expect(cutText('注文注文', 5)).toBe('注文…')
    expect(cutText('orders', 6)).toBe('orders')
    expect(cutText('orders', 0)).toBe('')
  })

  it('loses what a terminal would obey', () => {
    expect(plainLine('a\x1b[2Jb\nc\r\x07d')).toBe('a b c d')
  })

  it('cut is never wider than asked', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.nat(30),
        (text, width) => textWidth(cutText(text, width)) <= width,
      ),
    )
  })
})
