// compileLike: LIKE of SQL against a plain matcher.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileLike } from '../../../../src/relay/handlers/like.ts'

/** By the words of the standard: each way of giving characters to each `%` is tried. */
function matchesPlainly(pattern: readonly string[], text: readonly string[], escapedBy: string): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return text.length === 0
  if (first === escapedBy) return text[0] === rest[0] && matchesPlainly(rest.slice(1), text.slice(1), escapedBy)
  if (first === '_') return text.length > 0 && matchesPlainly(rest, text.slice(1), escapedBy)
  if (first !== '%') return text[0] === first && matchesPlainly(rest, text.slice(1), escapedBy)
  for (let n = 0; n <= text.length; n += 1) if (matchesPlainly(rest, text.slice(n), escapedBy)) return true
  return false
}

const part = fc.constantFrom('%', '_', 'a', 'b', '😀', '\\%', '\\_', '\\\\', 'é')
const character = fc.constantFrom('a', 'b', '%', '_', '\\', '😀', 'é')

describe('compileLike', () => {
  it('says what a plain matcher says, of every pattern', () => {
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 8, size: 'max' }),
        fc.array(character, { maxLength: 8, size: 'max' }),
        (pattern, text) => {
          const characters = Array.from(pattern.join(''))
          expect(compileLike(pattern.join(''))(text.join(''))).toBe(matchesPlainly(characters, text, '\\'))
        },
      ),
      { numRuns: 3000 },
    )
  })

  it.each([
    ['50!%', '50%', true],
    ['50!%', '500', false],
    ['!_!!', '_!', true],
    ['a!b', 'ab', true],
  ])('%s with the escape ! matches %s: %s', (pattern, text, expected) => {
    expect(compileLike(pattern, '!')(text)).toBe(expected)
  })

  it('counts half a surrogate pair as a character of its own, not as another', () => {
    expect(compileLike('_%_')('😀')).toBe(false)
    expect(compileLike('__')('😀\ud83d')).toBe(true)
  })

  it('takes steps as many as text and pattern multiplied at most', () => {
    const text = 'a'.repeat(100_000)
    expect(compileLike('%a_a_a_a_a_a_a_b%')(text)).toBe(false)
    expect(compileLike(`${'%a'.repeat(400)}%b%_`)(text)).toBe(false)
  })

  it('refuses an escape of nothing', () => {
    expect(() => compileLike('abc\\')).toThrow('ends with the escape character')
  })
})
