// What goes in comes out equal, in value and type, through everything that records, state and checkpoints are written with.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameCodec } from '../../../runtime/channel/frame.ts'
import { decode, encode } from '../../../runtime/task/msgpack.ts'
import { jsonCodec } from '../../../src/codec/json-codec.ts'
import { jsonText } from '../../../src/codec/json-text.ts'
import { msgpackCodec } from '../../../src/codec/msgpack-codec.ts'
import { batchOf, Decimal } from '../../../src/index.ts'
import { sameValue } from '../../../src/util/same-value.ts'
import { bigints, decimals, exactRecords, ForeignDecimal, foreignDecimals } from '../../support/exact-values.ts'

const frames = new FrameCodec()

const PATHS: readonly (readonly [string, (value: unknown) => unknown])[] = [
  ['a frame between threads', (value) => frames.decode(frames.encode(batchOf([value]), 'n')).values[0]],
  ['a value of keyed state', (value) => msgpackCodec.decode(msgpackCodec.encode(value))],
  ['a part of a checkpoint', (value) => decode(encode(value))],
  ['a value of state kept as JSON', (value) => jsonCodec.decode(jsonCodec.encode(value))],
]

describe.each(PATHS)('through %s', (_name, through) => {
  test('records with bigints and Decimals keep value and type', () => {
    fc.assert(
      fc.property(exactRecords, (record) => {
        expect(sameValue(through(record), record)).toBe(true)
      }),
    )
  })

  test("Decimals of a user's own class come out as ours, with all their digits", () => {
    fc.assert(
      fc.property(fc.oneof(decimals, foreignDecimals), (value) => {
        const out = through(value) as Decimal
        expect(out.constructor).toBe(Decimal)
        expect(out.toFixed()).toBe(value.toFixed())
      }),
    )
  })

  test.each(['NaN', 'Infinity', '-Infinity', '-0'])('Decimal %s', (text) => {
    expect((through(new Decimal(text)) as Decimal).valueOf()).toBe(text)
  })

  test('data that only looks like a Decimal stays data', () => {
    const lookalike = { toStringTag: '[object Decimal]', s: 1, e: 0, d: [1] }
    expect(through(lookalike)).toEqual(lookalike)
    expect(through({ ...lookalike, constructor: 1 })).toEqual({ ...lookalike, constructor: 1 })
  })
})

describe('jsonCodec', () => {
  test('is readable, and plain data is plain JSON', () => {
    const text = (value: unknown): string => Buffer.from(jsonCodec.encode(value)).toString()
    expect(text({ price: new Decimal('1.50'), id: 2n ** 53n + 1n })).toBe(
      '{"price":{"$decimal":"1.5"},"id":{"$bigint":"9007199254740993"}}',
    )
    expect(text({ at: new Date(0), n: 1 })).toBe('{"at":"1970-01-01T00:00:00.000Z","n":1}')
  })
})

describe('jsonText', () => {
  test('is JSON.stringify, but for bigints', () => {
    const data = fc.anything({ withDate: true, withMap: true, withSet: true, withBoxedValues: true })
    fc.assert(
      fc.property(data, (value) => {
        expect(jsonText(value)).toBe(JSON.stringify(value))
      }),
      {
        examples: [
          [{ a: undefined, b: [undefined, () => 1], c: { toJSON: () => undefined } }],
          [{ toJSON: (key: string) => `<${key}>` }],
        ],
      },
    )
  })

  test('bigints are integers with all their digits, wherever they stand', () => {
    fc.assert(
      fc.property(bigints, (value) => {
        expect(jsonText({ id: value, all: [value, { value }], '"x"': 1 })).toBe(
          `{"id":${value},"all":[${value},{"value":${value}}],"\\"x\\"":1}`,
        )
      }),
    )
    expect(jsonText({ id: 1n, price: new ForeignDecimal('1234567.8'), gone: undefined })).toBe(
      '{"id":1,"price":"1.2345678e+6"}',
    )
  })
})
