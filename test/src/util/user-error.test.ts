import { expect, test } from 'vitest'
import { MillraceError } from '../../../src/errors.ts'
import { renderRecord, userError } from '../../../src/util/user-error.ts'

test('a record is shown on one line and cut', () => {
  const text = renderRecord({ text: 'x'.repeat(2_000) })
  expect(text).toHaveLength(500)
  expect(text.endsWith('…')).toBe(true)
  expect(renderRecord({ a: { b: [1, { c: 2n }] } })).toBe('{ a: { b: [ 1, { c: 2n } ] } }')
  expect(renderRecord(undefined)).toBe('undefined')
})

test('values under names that look secret are masked, wherever they are', () => {
  const record = {
    user: { password: 'a', apiKey: 'b', name: 'c' },
    list: [{ access_token: 'd' }],
    map: new Map([['client_secret', 'e']]),
  }
  const text = renderRecord(record)
  for (const secret of ["'a'", "'b'", "'d'", "'e'"]) expect(text).not.toContain(secret)
  expect(text).toContain("name: 'c'")
})

test('records that are hard to show do not hide the error', () => {
  const circular: Record<string, unknown> = {}
  circular.self = circular
  const throwing = Object.defineProperty({}, 'x', {
    enumerable: true,
    get: () => {
      throw new Error('no')
    },
  })
  const huge = Array.from({ length: 100_000 }, (_, i) => i)
  for (const record of [circular, throwing, huge, new Map([[{}, circular]]), Object.create(null), new Date(NaN)]) {
    expect(renderRecord(record).length).toBeLessThanOrEqual(500)
  }
})

test('errors of Millrace pass as they are, anything else is wrapped with its cause', () => {
  const own = new MillraceError('STATE_DUPLICATE', { node: 'n', state: 's' })
  expect(userError('node', 1, own)).toBe(own)
  expect(userError('node', 1, 'a string')).toMatchObject({ code: 'USER_FUNCTION', cause: 'a string' })
})
