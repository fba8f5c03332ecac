import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { instant, parseKey, plainValue } from '../../../runtime/cli/state-json.ts'
import type { Key } from '../../../src/util/key-group.ts'

describe('a key as typed', () => {
  it.each<[string, Key]>([
    ['17', 17],
    ['-1.5', -1.5],
    ['17n', 17n],
    ['-9007199254740993n', -9007199254740993n],
    ['"17n"', '17n'],
    ['"a \\" 5n"', 'a " 5n'],
    ['true', true],
    ['["a", 12n, [1, false]]', ['a', 12n, [1, false]]],
    ['[]', []],
  ])('%s', (text, key) => {
    expect(parseKey(text)).toEqual(key)
  })

  it('any key that is written so is read so', () => {
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.bigInt())
    const key = fc.oneof(leaf, fc.array(fc.oneof(leaf, fc.array(leaf, { maxLength: 3 })), { maxLength: 3 }))
    const typed = (each: Key): string => {
      if (Array.isArray(each)) return `[${each.map(typed).join(', ')}]`
      return typeof each === 'bigint' ? `${each}n` : JSON.stringify(each)
    }
    fc.assert(
      fc.property(key, (each) => {
        expect(parseKey(typed(each))).toEqual(each)
      }),
    )
  })

  it.each(['', 'Anna', '{"a": 1}', 'null', '[null]', '12nn', '1n2', '{"bigint":"12"', 'NaN'])('%s is none', (text) => {
    expect(() => parseKey(text)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})

it('a value is shown as JSON, with what JSON has no word for', () => {
  const value = {
    big: 12n,
    none: Number.NaN,
    at: new Date(0),
    never: new Date(Number.NaN),
    map: new Map<unknown, unknown>([[1, { a: 1n }]]),
    set: new Set(['x']),
    bytes: new Uint8Array([1, 2]),
    nested: [[1n], null, undefined, 'text'],
  }
  expect(JSON.parse(JSON.stringify(plainValue(value)))).toEqual({
    big: '12n',
    none: 'NaN',
    at: '1970-01-01T00:00:00.000Z',
    never: 'Invalid Date',
    map: [[1, { a: '1n' }]],
    set: ['x'],
    bytes: { base64: 'AQI=' },
    nested: [['1n'], null, null, 'text'],
  })
})

it('a time is shown by the calendar, unless none has it', () => {
  expect([instant(0), instant(8e15), instant(8.64e15 + 1), instant(Number.POSITIVE_INFINITY)]).toEqual([
    '1970-01-01T00:00:00.000Z',
    '+255479-11-28T14:13:20.000Z',
    undefined,
    undefined,
  ])
})
