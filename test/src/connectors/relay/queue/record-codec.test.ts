import { describe, expect, it } from 'vitest'
import { msgpackRecords } from '../../../../../src/connectors/relay/queue/record-codec.ts'

describe('msgpackRecords', () => {
  it('gives back records of every shape, each batch by itself', () => {
    const batches = [
      [
        { id: 1, name: 'a' },
        { id: 2, name: 'b' },
      ],
      [{ other: new Date(5), bytes: Buffer.from('xyz') }, 'text', 7, null, [1n, new Map([['k', 1]])]],
      [],
    ]
    const written = batches.map((batch) => Uint8Array.from(msgpackRecords.encode(batch)))
    expect(written.toReversed().map((bytes) => msgpackRecords.decode(bytes))).toEqual(batches.toReversed())
  })

  it('describes the shape of its objects once', () => {
    const record = { aLongNameOfAField: 1, anotherLongNameOfAField: 2 }
    const one = msgpackRecords.encode([record]).length
    expect(msgpackRecords.encode(new Array(100).fill(0).map(() => ({ ...record }))).length).toBeLessThan(one + 99 * 6)
  })

  it('gives buffers that do not keep the batch', () => {
    const bytes = Uint8Array.from(msgpackRecords.encode([Buffer.from('abc')]))
    const [value] = msgpackRecords.decode(bytes) as [Buffer]
    bytes.fill(0)
    expect(value.toString()).toBe('abc')
  })

  it('refuses functions and what is no batch', () => {
    expect(() => msgpackRecords.encode([() => 1])).toThrow('a function')
    expect(() => msgpackRecords.decode(Uint8Array.of(7))).toThrow('no array')
  })
})
