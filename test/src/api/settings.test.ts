import { describe, expect, test } from 'vitest'
import { SettingsReader } from '../../../src/api/settings.ts'

const reader = (settings: Record<string, string>): SettingsReader =>
  new SettingsReader({ settings, dataDir: 'data', mode: 'batch' })

test('defaults hold where nothing is given', () => {
  const settings = reader({})
  expect(settings.number('n', 5)).toBe(5)
  expect(settings.string('s', '')).toBe('')
  expect(settings.boolean('b', false)).toBe(false)
  expect(settings.list('l', ['x'])).toEqual(['x'])
  expect([settings.dataDir, settings.mode]).toEqual(['data', 'batch'])
})

test('given values win and have their types', () => {
  const settings = reader({
    n: '1_000',
    f: '-0.5',
    s: ' kept as it is ',
    yes: 'Yes',
    alone: '',
    no: 'off',
    l: 'a, b,,c',
    none: '',
  })
  expect(settings.number('n', 5)).toBe(1_000)
  expect(settings.number('f')).toBe(-0.5)
  expect(settings.string('s')).toBe(' kept as it is ')
  expect([settings.boolean('yes'), settings.boolean('alone'), settings.boolean('no')]).toEqual([true, true, false])
  expect(settings.list('l')).toEqual(['a', 'b', 'c'])
  expect(settings.list('none', ['x'])).toEqual([])
})

test('what is neither given nor has a default is asked for', () => {
  expect(() => reader({}).string('from')).toThrow('Setting "from" is not given: expected a text, as in --set from=….')
  expect(() => reader({}).string('toString')).toThrow('Setting "toString" is not given')
})

describe('bad values are refused with what was expected', () => {
  test.each([
    ['x', {}, 'a number'],
    ['', {}, 'a number'],
    ['Infinity', {}, 'a number'],
    ['1.5', { integer: true }, 'a whole number'],
    ['0', { min: 1 }, 'a number of at least 1'],
    ['9', { max: 8, integer: true }, 'a whole number of at most 8'],
    ['11', { min: 1, max: 10 }, 'a number from 1 to 10'],
  ])('number %j within %j', (text, range, expected) => {
    expect(() => reader({ n: text }).number('n', 3, range)).toThrow(
      `Setting "n" is ${JSON.stringify(text)}: expected ${expected}.`,
    )
  })

  test('boolean', () => {
    expect(() => reader({ b: 'perhaps' }).boolean('b')).toThrow('Setting "b" is "perhaps": expected true or false.')
  })
})

test('a key that nobody read is refused with the keys that are', () => {
  const settings = reader({ orders: '1', order: '2' })
  settings.number('orders', 1)
  settings.number('changes', 1)
  expect(() => settings.assertAllRead('shop')).toThrow(
    'Setting "order" is not read by job "shop". It reads: changes, orders.',
  )
  expect(() => reader({ any: '' }).assertAllRead('shop')).toThrow('It reads: none.')
})

test('settings are read while the job is built', () => {
  const settings = reader({ early: '2' })
  settings.number('early')
  settings.assertAllRead('shop')
  expect(settings.number('early')).toBe(2)
  expect(() => settings.number('late', 1)).toThrow('Setting "late" is read too late: expected the build function')
})
