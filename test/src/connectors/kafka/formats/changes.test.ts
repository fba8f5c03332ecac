import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { changes } from '../../../../../src/connectors/kafka/formats/changes.ts'
import type { Change } from '../../../../../src/record/change.ts'
import { Decimal } from '../../../../../src/util/decimal.ts'
import { sameValue } from '../../../../../src/util/same-value.ts'
import { bigints, decimals } from '../../../../support/exact-values.ts'
import { histories, ORDERS, SOURCE, told } from '../../cdc/envelopes/changes.ts'
import { readAll, refusal, stored, thereAndBack } from './records.ts'

const values: fc.Arbitrary<unknown> = fc.oneof(
  bigints,
  decimals,
  fc.string({ unit: 'binary' }),
  fc.double(),
  fc.date(),
  fc.uint8Array(),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(null, undefined, true),
  fc.dictionary(fc.constantFrom('a', 'b'), fc.jsonValue()),
)

function expectSame(actual: unknown, expected: unknown): void {
  if (!sameValue(actual, expected)) expect(actual).toEqual(expected)
  expect(sameValue(actual, expected)).toBe(true)
}

const update = (row: unknown, more: Partial<Change<unknown>> = {}): Change<unknown> => ({
  op: 'u',
  before: row,
  after: row,
  key: [1],
  source: SOURCE,
  ...more,
})

/** Nothing in a job keeps half a surrogate pair: UTF-8 has none. */
const textOf = (change: unknown): string => JSON.stringify(change, (_, one) => (typeof one === 'bigint' ? 0 : one))
const lasting = (text: string): boolean => !/\\ud[89a-f]/.test(text)

describe('a change comes back as it was', () => {
  test('operations, rows, keys, columns and places of any table', () => {
    fc.assert(
      fc.property(histories, (all) => {
        for (const change of all) if (lasting(textOf(change))) expectSame(thereAndBack(changes(), change), change)
      }),
    )
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  test('values of every type, in rows that are objects or lists', () => {
    fc.assert(
      fc.property(fc.array(values, { minLength: 1, maxLength: 6 }), (row) => {
        for (const one of [row, Object.fromEntries(row.map((value, i) => [`c${i}`, value]))]) {
          const change = update(one, { oldKey: row })
          expectSame(thereAndBack(changes<unknown>(), change), change)
        }
      }),
    )
  })

  test('before and after may have columns of their own', () => {
    const change = update({ id: 1, added: 'x' }, { before: { id: 1 } })
    expect(thereAndBack(changes<unknown>(), change)).toEqual(change)
    const emptied = update({}, { before: { id: 1 } })
    expect(thereAndBack(changes<unknown>(), emptied)).toEqual(emptied)
  })

  test('its bytes are its own, not views of all that was fetched', () => {
    const [back] = readAll(
      changes<{ raw: Buffer }>(),
      stored(changes<unknown>().write(update({ raw: Buffer.from('ab') }))),
    )
    expect(back?.after?.raw.buffer.byteLength).toBeLessThan(20_000)
    expect(back?.after?.raw).toEqual(Buffer.from('ab'))
  })
})

describe('the key of its record', () => {
  const keyOf = (change: Change<unknown>): unknown => changes<unknown>().write(change).key

  test('is the row’s, legible, and a table’s own', () => {
    expect(keyOf(update(null, { key: [1, 'a"', null, true] }))).toBe('["shop","orders",1,"a\\"",null,true]')
    expect(keyOf(update(null, { source: { ...SOURCE, table: 'lines' } }))).toBe('["shop","lines",1]')
  })

  test('is the new one where an update changed it', () => {
    expect(keyOf(update(null, { key: [2], oldKey: [1] }))).toBe('["shop","orders",2]')
  })

  test('is the table’s where there is none', () => {
    expect(keyOf(told(ORDERS))).toBe('["shop","orders"]')
    expect(keyOf(update(null, { key: [] }))).toBe('["shop","orders"]')
  })

  test('has every type of value in one notation', () => {
    const key = [2n ** 63n, -0, Number.NaN, new Decimal('1.50'), Buffer.from([255, 0]), new Date(0)]
    expect(keyOf(update(null, { key }))).toBe(
      '["shop","orders",9223372036854775808,0,"NaN","1.5",{"$bytes":"/wA="},"1970-01-01T00:00:00.000Z"]',
    )
  })

  test('differs for keys that differ', () => {
    fc.assert(
      fc.property(fc.tuple(bigints, fc.string()), fc.tuple(bigints, fc.string()), (a, b) => {
        expect(keyOf(update(null, { key: a })) === keyOf(update(null, { key: b }))).toBe(sameValue(a, b))
      }),
    )
  })
})

describe('what is none is refused', () => {
  const written = stored(changes<unknown>().write(update({ id: 1 }))).value as Buffer

  test.each([
    ['a tombstone', null, 'no value (a tombstone): expected what changes() writes'],
    ['text', '{"op":"u"}', 'not a change as changes() writes it'],
    ['nothing', '', 'not a change as changes() writes it'],
    ['a later format', Buffer.of(0xc1, 2), 'a change of format 2; this release reads format 1'],
    [
      'another list',
      Buffer.of(0xc1, 1, 0x90),
      'a change that is damaged: its parts are not those that changes() writes',
    ],
  ])('%s', (_what, bytes, reason) => {
    expect(refusal(changes(), bytes)).toBe(reason)
  })

  test('one that is cut off anywhere', () => {
    for (let length = 2; length < written.length; length += 1)
      expect(refusal(changes(), written.subarray(0, length))).toMatch(/^a change that is (cut off or )?damaged/)
  })
})
