import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WireReader, WireWriter } from '../../../../../src/connectors/kafka/client/wire.ts'

/** A value with how it is written and read. */
interface Field {
  readonly value: unknown
  write(out: WireWriter): void
  read(answer: WireReader): unknown
}

function field<T>(
  values: fc.Arbitrary<T>,
  write: (out: WireWriter, value: T) => void,
  read: (answer: WireReader) => unknown,
): fc.Arbitrary<Field> {
  return values.map((value) => ({ value, write: (out: WireWriter) => write(out, value), read }))
}

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 100 }),
  fc.constantFrom(16_383, 16_384, 40_000).map((length) => new Uint8Array(length).fill(length & 0xff)),
)
const text = fc.string({ unit: 'binary', maxLength: 300 })
const buffer = bytes.map((one) => Buffer.from(one))

const fields = fc.oneof(
  field(
    fc.integer({ min: -128, max: 127 }),
    (out, value) => out.int8(value),
    (answer) => answer.int8(),
  ),
  field(
    fc.integer({ min: -32_768, max: 32_767 }),
    (out, value) => out.int16(value),
    (answer) => answer.int16(),
  ),
  field(
    fc.integer(),
    (out, value) => out.int32(value),
    (answer) => answer.int32(),
  ),
  field(
    fc.maxSafeInteger(),
    (out, value) => out.int64(value),
    (answer) => answer.int64(),
  ),
  field(
    fc.boolean(),
    (out, value) => out.bool(value),
    (answer) => answer.bool(),
  ),
  field(
    fc.nat(2 ** 31 - 1),
    (out, value) => out.uvarint(value),
    (answer) => answer.uvarint(),
  ),
  field(
    text,
    (out, value) => out.string(value),
    (answer) => answer.string(),
  ),
  field(
    fc.option(text),
    (out, value) => out.nullableString(value),
    (answer) => answer.nullableString(),
  ),
  field(
    text,
    (out, value) => out.compactString(value),
    (answer) => answer.compactString(),
  ),
  field(
    fc.option(text),
    (out, value) => out.compactString(value),
    (answer) => answer.compactNullableString(),
  ),
  field(
    fc.option(buffer),
    (out, value) => out.bytes(value),
    (answer) => answer.bytes(),
  ),
  field(
    fc.option(buffer),
    (out, value) => out.compactBytes(value),
    (answer) => answer.compactBytes(),
  ),
  field(
    fc.array(fc.integer()),
    (out, value) => out.array(value, (one) => out.int32(one)),
    (answer) => answer.array(() => answer.int32()),
  ),
  field(
    fc.array(text),
    (out, value) => out.compactArray(value, (one) => out.compactString(one)),
    (answer) => answer.compactArray(() => answer.compactString()),
  ),
)

describe('the wire', () => {
  it('reads what was written, and counts it', () => {
    fc.assert(
      fc.property(fc.array(fields, { maxLength: 40 }), (list) => {
        const out = new WireWriter()
        for (const one of list) one.write(out)
        const { length } = out
        const whole = out.finish()
        expect(whole.length).toBe(length)
        const answer = new WireReader(whole)
        expect(list.map((one) => one.read(answer))).toEqual(list.map(({ value }) => value))
        expect(answer.position).toBe(length)
        expect(answer.rest.length).toBe(0)
      }),
    )
  })

  it('writes numbers as Kafka does', () => {
    const out = new WireWriter()
    out.int64(-1)
    out.int64(2 ** 40 + 7)
    out.uvarint(300)
    out.tags()
    expect(out.finish().toString('hex')).toBe('ffffffffffffffff0000010000000007ac0200')
  })

  it('never takes more than there is', () => {
    fc.assert(
      fc.property(fc.array(fields, { minLength: 1, maxLength: 5 }), fc.nat(), (list, cut) => {
        const out = new WireWriter()
        for (const one of list) one.write(out)
        const whole = out.finish()
        const answer = new WireReader(whole.subarray(0, cut % whole.length))
        expect(() => list.map((one) => one.read(answer))).toThrow(expect.objectContaining({ kind: 'PROTOCOL' }))
      }),
    )
  })

  it('refuses numbers that are not exact', () => {
    expect(() => new WireWriter().int64(2 ** 53)).toThrow('64 bits')
    expect(() => new WireReader(Buffer.from('7fffffffffffffff', 'hex')).int64()).toThrow('2^53')
    expect(() => new WireReader(Buffer.alloc(8, 0xff)).uvarint()).toThrow('32 bits')
  })

  it('skips tagged fields, and shows them to who wants some', () => {
    const out = new WireWriter()
    out.uvarint(2)
    for (const [tag, value] of [
      [1, 17],
      [5, 18],
    ] as const) {
      out.uvarint(tag)
      out.uvarint(4)
      out.int32(value)
    }
    out.int8(9)
    const whole = out.finish()
    const seen: number[][] = []
    const answer = new WireReader(whole)
    answer.tags((tag, content) => seen.push([tag, content.int32()]))
    expect(seen).toEqual([
      [1, 17],
      [5, 18],
    ])
    expect(answer.int8()).toBe(9)
    const other = new WireReader(whole)
    other.tags()
    expect(other.int8()).toBe(9)
  })

  it('does not copy large buffers', () => {
    const large = Buffer.alloc(100_000, 1)
    const out = new WireWriter()
    out.int8(1)
    out.raw(large)
    out.int8(2)
    const pieces = out.pieces()
    expect(pieces.map(({ length }) => length)).toEqual([1, 100_000, 1])
    expect(pieces[1]?.buffer).toBe(large.buffer)
  })
})
