import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDuration, parseSize } from '../../../runtime/config/quantity.ts'

describe('durations', () => {
  it.each([
    ['500ms', 500],
    ['10s', 10_000],
    ['1m', 60_000],
    ['1.5m', 90_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['0s', 0],
    [' 2S ', 2000],
  ])('%s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms))

  it.each(['', '10', 's', '10x', '-1s', '1 s', '1e3s', 'Infinity', '10s10', `${'9'.repeat(400)}d`])(
    '%j is none',
    (text) => expect(parseDuration(text)).toBeUndefined(),
  )

  it('reads back every whole number of a unit', () => {
    const units = fc.constantFrom(
      ['ms', 1] as const,
      ['s', 1000] as const,
      ['m', 60_000] as const,
      ['h', 3_600_000] as const,
    )
    fc.assert(fc.property(fc.nat(1_000_000), units, (n, [unit, ms]) => parseDuration(`${n}${unit}`) === n * ms))
  })
})

describe('sizes', () => {
  it.each([
    ['256MiB', 268_435_456],
    ['1GiB', 1_073_741_824],
    ['1.5KiB', 1536],
    ['64kB', 64_000],
    ['4096B', 4096],
    ['unlimited', Number.POSITIVE_INFINITY],
  ])('%s is %d bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes))

  it.each(['', '256', 'MiB', '1XB', '-1MiB', '9999999999TiB', 'infinity'])('%j is none', (text) =>
    expect(parseSize(text)).toBeUndefined(),
  )
})
