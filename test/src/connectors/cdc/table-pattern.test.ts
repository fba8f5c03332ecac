import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tablePattern } from '../../../../src/connectors/cdc/index.ts'

const matches = (patterns: readonly string[] | undefined, table: string): boolean =>
  tablePattern(patterns, 'test')(table)

describe('tablePattern', () => {
  it('means every table where nothing is said', () => {
    expect(matches(undefined, 'a')).toBe(true)
    expect(matches([], 'a')).toBe(true)
    expect(matches(['!b'], 'a')).toBe(true)
    expect(matches(['!b'], 'b')).toBe(false)
  })

  it('knows * and ? and nothing else', () => {
    expect(matches(['order*'], 'orders')).toBe(true)
    expect(matches(['order*'], 'reorder')).toBe(false)
    expect(matches(['*der*'], 'orders')).toBe(true)
    expect(matches(['a?c'], 'abc')).toBe(true)
    expect(matches(['a?c'], 'ac')).toBe(false)
    expect(matches(['a.c'], 'abc')).toBe(false)
    expect(matches(['[ab]'], 'a')).toBe(false)
    expect(matches(['*', '!secret_*'], 'secret_1')).toBe(false)
    expect(matches(['Orders'], 'orders')).toBe(false)
  })

  it('agrees with a regular expression, whatever the names', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), minLength: 1, maxLength: 8 })
    const names = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 })
    fc.assert(
      fc.property(letters, names, (pattern, name) => {
        const expected = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(name)
        expect(matches([pattern], name)).toBe(expected)
      }),
    )
  })

  it('takes no time for a pattern made to take long', () => {
    expect(matches([`${'*a'.repeat(40)}b`], 'a'.repeat(5000))).toBe(false)
  })

  it('refuses an empty pattern by its place', () => {
    expect(() => tablePattern(['a', ''], 'test')).toThrow(/tables\[1\] of test/)
    expect(() => tablePattern(['!'], 'test')).toThrow(/tables\[0\]/)
  })
})
