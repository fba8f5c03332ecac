import { describe, expect, it } from 'vitest'
import { toCell, typeOf, typeOfText, widen } from '../../../jobs/files-to-table/column-type.ts'

describe('typeOfText', () => {
  it.each([
    ['0', 'integer'],
    ['-17', 'integer'],
    ['9223372036854775807', 'integer'],
    ['-9223372036854775808', 'integer'],
    ['9223372036854775808', 'text'],
    ['12345678901234567890123', 'text'],
    ['007', 'text'],
    ['+49', 'text'],
    ['1.5', 'real'],
    ['-.5', 'real'],
    ['1e-5', 'real'],
    ['1e999', 'text'],
    ['.', 'text'],
    ['-', 'text'],
    ['1,5', 'text'],
    ['NaN', 'text'],
    ['0x10', 'text'],
    ['2026-01-02', 'text'],
    [' 1', 'text'],
    ['', undefined],
  ])('takes %j for %s', (text, type) => {
    expect(typeOfText(text)).toBe(type)
  })
})

describe('typeOf', () => {
  it.each([
    [1, 'integer'],
    [2 ** 60, 'real'],
    [1.5, 'real'],
    [true, 'integer'],
    ['12', 'text'],
    [{ a: 1 }, 'text'],
    [null, undefined],
  ])('takes %j for %s', (value, type) => {
    expect(typeOf(value)).toBe(type)
  })
})

describe('widen', () => {
  it('gives a type that holds both', () => {
    expect(widen('integer', 'real')).toBe('real')
    expect(widen('real', 'text')).toBe('text')
    expect(widen(undefined, 'integer')).toBe('integer')
    expect(widen(undefined, undefined)).toBeUndefined()
  })
})

describe('toCell', () => {
  it.each([
    ['12', 'integer', 12],
    [' 12 ', 'integer', 12],
    ['9223372036854775807', 'integer', 9223372036854775807n],
    ['9223372036854775808', 'integer', undefined],
    ['1.5', 'integer', undefined],
    ['x', 'integer', undefined],
    ['', 'integer', null],
    ['', 'text', ''],
    ['1.5', 'real', 1.5],
    ['one', 'real', undefined],
    [1.5, 'integer', undefined],
    [true, 'integer', 1],
    [{ a: [1] }, 'text', '{"a":[1]}'],
    [{ a: [1] }, 'real', undefined],
    [null, 'integer', null],
  ] as const)('makes %j in a column of %s %s', (value, type, cell) => {
    expect(toCell(value, type)).toBe(cell)
  })
})
