// Formats of a value alone, and records(): there and back, and what they refuse.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytes } from '../../../../../src/connectors/kafka/formats/bytes.ts'
import { json } from '../../../../../src/connectors/kafka/formats/json.ts'
import { records } from '../../../../../src/connectors/kafka/formats/records.ts'
import { text } from '../../../../../src/connectors/kafka/formats/text.ts'
import { Decimal } from '../../../../../src/util/decimal.ts'
import { sameValue } from '../../../../../src/util/same-value.ts'
import { bigints } from '../../../../support/exact-values.ts'
import { readAll, record, refusal, stored, thereAndBack } from './records.ts'

const NOT_UTF8 = Buffer.from([0x7b, 0xff, 0x7d])

describe('json', () => {
  test('any JSON comes back', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => sameValue(thereAndBack(json(), value), value)))
  })

  test('exact: numbers keep every digit, whatever their type', () => {
    const numbers = fc.oneof(
      bigints.filter((value) => value > 2n ** 53n || value < -(2n ** 53n)),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.maxSafeInteger(),
      fc.constantFrom('0.1234567890123456789', '1e400', '-1234567890123456789.5').map((text) => new Decimal(text)),
    )
    const some = fc.oneof(numbers, fc.array(numbers), fc.dictionary(fc.string(), numbers))
    fc.assert(
      fc.property(some, (value) => {
        const back = thereAndBack(json({ exact: true }), value)
        if (!sameValue(back, value)) expect(back).toEqual(value)
      }),
    )
  })

  test('exact: a number that a double does not hold is a bigint or a Decimal; without, it is rounded', () => {
    const one = record({ value: Buffer.from('{"id":9007199254740993,"price":0.12345678901234567890}') })
    expect(readAll(json({ exact: true }), one)).toEqual([
      { id: 9007199254740993n, price: new Decimal('0.1234567890123456789') },
    ])
    expect(readAll(json(), one)).toEqual([{ id: 9007199254740992, price: 0.12345678901234568 }])
  })

  test('writes bigints as integers, Decimals as strings or, exactly, as numbers', () => {
    const value = { id: 2n ** 63n, price: new Decimal('1.50'), whole: new Decimal(5) }
    expect(json().write(value).value).toBe('{"id":9223372036854775808,"price":"1.5","whole":"5"}')
    expect(json({ exact: true }).write(value).value).toBe('{"id":9223372036854775808,"price":1.5,"whole":5e0}')
  })

  test('refuses what JSON has no text for', () => {
    expect(() => json().write(undefined)).toThrow('JSON has no text for undefined')
    expect(() => json({ exact: true }).write({ n: Number.NaN })).toThrow('NaN, which JSON has no number for')
    expect(() => json({ exact: true }).write(new Decimal(Number.NaN))).toThrow('NaN, which JSON has no number for')
    const ring: Record<string, unknown> = {}
    ring['self'] = ring
    expect(() => json().write(ring)).toThrow(/circular/)
  })

  test('says what is wrong with other bytes', () => {
    expect(refusal(json(), '{"a":')).toMatch(/^not JSON: /)
    expect(refusal(json({ exact: true }), '')).toMatch(/^not JSON: /)
    expect(refusal(json(), NOT_UTF8)).toBe('the value is not UTF-8')
  })
})

describe('text and bytes', () => {
  test('any text comes back', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (value) => thereAndBack(text(), value) === value))
    expect(thereAndBack(text(), 'a \uFFFD that is meant')).toBe('a \uFFFD that is meant')
  })

  test('any bytes come back, which text() says it cannot read where it cannot', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (value) => {
        expect(Buffer.compare(thereAndBack(bytes(), value), value)).toBe(0)
        const read = refusal(text(), value)
        if (Buffer.compare(Buffer.from(Buffer.from(value).toString()), value) !== 0)
          expect(read).toBe('the value is not UTF-8')
        else expect(read).toMatch(/^nothing/)
      }),
    )
  })

  test('refuse what they cannot write', () => {
    expect(() => text().write('half \ud800')).toThrow('the text holds half a surrogate pair')
    expect(() => text().write(1 as unknown as string)).toThrow('text() writes strings, not number')
    expect(() => bytes().write('a' as unknown as Buffer)).toThrow('bytes() writes a Uint8Array, not string')
  })
})

describe('a record without a value', () => {
  test('is refused, or left out', () => {
    expect(refusal(json(), null)).toBe(
      "no value (a tombstone): expected JSON; tombstones: 'skip' leaves such records out, records() keeps them",
    )
    for (const format of [json({ tombstones: 'skip' }), text({ tombstones: 'skip' }), bytes({ tombstones: 'skip' })])
      expect(readAll(format, record())).toEqual([])
  })
})

describe('records', () => {
  test('gives records as they are, and writes them with all they have', () => {
    const one = record({ key: Buffer.from('k'), headers: [['h', null]] })
    expect(readAll(records(), one)[0]).toBe(one)
    expect(stored(records().write(one))).toEqual(one)
  })

  test('with formats of key and value, null stays null', async () => {
    const format = records({ key: text(), value: json<{ n: number }>() })
    await format.open?.()
    const one = record({ key: Buffer.from('k'), value: Buffer.from('{"n":1}'), headers: [['h', Buffer.from('v')]] })
    const [typed] = readAll(format, one)
    expect(typed).toEqual({ ...one, key: 'k', value: { n: 1 } })
    expect(stored(format.write(typed as NonNullable<typeof typed>))).toEqual(one)
    expect(readAll(format, record())).toEqual([record()])
    expect(format.write({ value: null })).toEqual({ key: null, value: null })
  })

  test('opens both formats before they are used', async () => {
    const opened: string[] = []
    const opening = (name: string) => ({ ...text(), open: async () => void opened.push(name) })
    await records({ key: opening('key'), value: opening('value') }).open?.()
    expect(opened).toEqual(['key', 'value'])
  })

  test('says which part is wrong', () => {
    const format = records({ key: text(), value: json() })
    expect(() => readAll(format, record({ key: NOT_UTF8 }))).toThrow('the key: the value is not UTF-8')
    expect(refusal(format, 'x')).toMatch(/^not JSON/)
  })

  test('a record that had no time is given one by the sink', () => {
    expect(records().write(record({ timestampMs: -1 }))).not.toHaveProperty('timestampMs')
  })
})
