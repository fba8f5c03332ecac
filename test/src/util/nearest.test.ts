import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { editDistance, nearest } from '../../../src/util/nearest.ts'

describe('nearest', () => {
  const flags = ['parallelism', 'data-dir', 'from-checkpoint', 'from-savepoint', 'set', 'json', 'fresh']

  it.each([
    ['paralelism', 'parallelism'],
    ['datadir', 'data-dir'],
    ['from-chekpoint', 'from-checkpoint'],
    ['form-savepoint', 'from-savepoint'],
    ['JSON', 'json'],
    ['para', 'parallelism'],
  ])('%s means %s', (typed, meant) => expect(nearest(typed, flags)).toBe(meant))

  it.each(['zebra', 'x', 'verbose', ''])('%j means none of them', (typed) =>
    expect(nearest(typed, flags)).toBeUndefined(),
  )
})

describe('edit distance', () => {
  it('is a distance: 0 only to itself, the same both ways, at most the longer length', () => {
    const word = fc.string({ maxLength: 12 })
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b)
        expect(distance === 0).toBe(a === b)
        expect(editDistance(b, a)).toBe(distance)
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length))
        expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length))
      }),
    )
  })

  it('counts a swap of neighbours once', () => expect(editDistance('form', 'from')).toBe(1))
})
