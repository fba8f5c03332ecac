import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AbortedTransaction } from '../../../../../src/connectors/kafka/records/aborted-producers.ts'
import { FetchedRecords } from '../../../../../src/connectors/kafka/records/fetched-records.ts'
import { ATTRIBUTE, FIELD, HEADER_BYTES, writeInt64 } from '../../../../../src/connectors/kafka/records/record-batch.ts'
import { build, fetched, marker, NO_PRODUCER, placed, plain, readAll, sealed } from './batches.ts'

const values = (records: readonly { value: Buffer | null }[]): (string | undefined)[] =>
  records.map(({ value }) => value?.toString())
const named = (kind: string) => expect.objectContaining({ kind })

const transactional = (producerId: number, baseOffset: number, ...texts: readonly string[]): Buffer =>
  placed(build(texts.map(plain), { id: producerId, epoch: 0, sequence: 0, transactional: true }), baseOffset)

describe('the position', () => {
  it('I2: is behind the last record taken, and at the end behind what the cleaner took', () => {
    const bytes = Buffer.concat([placed(build([plain('a'), plain('b')]), 10, 19), placed(build([plain('c')]), 30, 39)])
    const records = fetched(bytes, 5)
    const seen: number[] = []
    for (const out: never[] = []; !records.done; ) {
      records.take(1, out)
      seen.push(records.position)
    }
    expect(seen).toEqual([11, 20, 40])
    expect(records.bytesLeft).toBe(0)
  })

  it('I2: passes a batch of which the cleaner has left the header alone', () => {
    const empty = build([plain('a')]).subarray(0, HEADER_BYTES)
    empty.writeInt32BE(HEADER_BYTES - 12, FIELD.length)
    empty.writeInt32BE(0, FIELD.records)
    const records = fetched(Buffer.concat([placed(empty, 0, 9), placed(build([plain('b')]), 10)]))
    expect(values(readAll(records))).toEqual(['b'])
    expect(records.position).toBe(11)
  })

  it('I2: moves behind a control batch although nothing comes of it', () => {
    const records = fetched(marker(1, 7, 'commit'), 7)
    expect(records.done).toBe(false)
    expect(records.take(10, [])).toBe(0)
    expect([records.done, records.position]).toEqual([true, 8])
  })

  it('I2: stays where it was for a part without a whole batch', () => {
    const records = fetched(Buffer.alloc(0), 7)
    expect([records.done, records.position, records.bytesLeft]).toEqual([true, 7, 0])
  })
})

it('gives the time at which the broker appended, where the topic says so', () => {
  const batch = build([plain('a'), plain('b')])
  batch.writeInt16BE(ATTRIBUTE.logAppendTime, FIELD.attributes)
  writeInt64(batch, FIELD.maxTimestamp, 5_000)
  expect(readAll(fetched(sealed(batch))).map((record) => record.timestampMs)).toEqual([5_000, 5_000])
})

describe('transactions', () => {
  const bytes = Buffer.concat([
    transactional(1, 0, 'a0', 'a1'),
    transactional(2, 2, 'b2'),
    marker(1, 3, 'abort'),
    transactional(1, 4, 'a4'),
    placed(build([plain('n5')]), 5),
    marker(2, 6, 'commit'),
    transactional(2, 7, 'b7'),
    marker(1, 8, 'commit'),
    marker(2, 9, 'abort'),
    transactional(2, 10, 'b10'),
  ])
  // Not in the order of their offsets, which no broker promises.
  const aborted = [
    { producerId: 2, firstOffset: 7 },
    { producerId: 1, firstOffset: 0 },
  ]

  it('I1: leaves out what was aborted, and that alone', () => {
    const records = new FetchedRecords('t', 0, bytes, 0, aborted)
    expect(values(readAll(records))).toEqual(['b2', 'a4', 'n5', 'b10'])
    expect(records.position).toBe(11)
  })

  it('I1: gives it to a reader that asks for what is uncommitted, without the markers', () => {
    const read = readAll(new FetchedRecords('t', 0, bytes, 0, null))
    expect(values(read)).toEqual(['a0', 'a1', 'b2', 'a4', 'n5', 'b7', 'b10'])
  })

  it('I1: leaves out the rest of what was aborted, when reading begins in its middle', () => {
    const from = Buffer.concat([transactional(1, 0, 'a0', 'a1'), transactional(1, 2, 'a2'), marker(1, 3, 'abort')])
    const records = new FetchedRecords('t', 0, from, 1, [{ producerId: 1, firstOffset: 0 }])
    expect([readAll(records), records.position]).toEqual([[], 4])
  })

  it('I1: agrees with a reader that knows the whole partition', () => {
    const step = fc.record({ producer: fc.nat(3), act: fc.constantFrom('write', 'write', 'commit', 'abort') })
    void fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(60), fc.nat(60), (steps, from, cut) => {
        const history = written(steps)
        const batches = history.batches.slice(from, Math.max(from, cut))
        const overlapping = history.aborted.filter((one) => one.end >= from)
        const read = readAll(new FetchedRecords('t', 0, Buffer.concat(batches), from, overlapping))
        expect(read.map(({ offset }) => offset)).toEqual(
          history.good.filter((offset) => offset >= from && offset < from + batches.length),
        )
      }),
    )
  })
})

/** One batch for each step, and which offsets count in the end. Open transactions end in an abort. */
function written(steps: readonly { producer: number; act: string }[]) {
  const batches: Buffer[] = []
  const open = new Map<number, number[]>()
  const good: number[] = []
  const aborted: (AbortedTransaction & { end: number })[] = []
  const end = (producerId: number, act: 'abort' | 'commit'): void => {
    const offsets = open.get(producerId)
    if (offsets === undefined) return
    open.delete(producerId)
    if (act === 'commit') good.push(...offsets)
    else aborted.push({ producerId, firstOffset: offsets[0] as number, end: batches.length })
    batches.push(marker(producerId, batches.length, act))
  }
  for (const { producer, act } of steps) {
    if (act !== 'write') end(producer, act as 'abort' | 'commit')
    else {
      open.set(producer, [...(open.get(producer) ?? []), batches.length])
      batches.push(transactional(producer, batches.length, 'x'))
    }
  }
  for (const producer of [...open.keys()]) end(producer, 'abort')
  return { batches, good: good.sort((a, b) => a - b), aborted }
}

describe('damage', () => {
  const two = Buffer.concat([placed(build([plain('a'), plain('b')]), 0), placed(build([plain('c'), plain('d')]), 2)])
  const first = two.readInt32BE(FIELD.length) + 12

  it('leaves out a last batch that is torn, wherever it is torn', () => {
    for (let length = 0; length < two.length; length += 1) {
      const records = fetched(two.subarray(0, length))
      const whole = length >= first
      expect(values(readAll(records))).toEqual(whole ? ['a', 'b'] : [])
      expect(records.position).toBe(whole ? 2 : 0)
    }
  })

  it('I3: gives nothing of a batch with a flipped bit, and names it; what is before it comes', () => {
    for (let bit = 8 * (first + FIELD.crc); bit < 8 * two.length; bit += 1) {
      const flipped = Buffer.from(two)
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
      const records = fetched(flipped)
      const out: never[] = []
      expect(() => records.take(10, out)).toThrow(named('CORRUPT_MESSAGE'))
      expect([values(out), records.position]).toEqual([['a', 'b'], 2])
    }
    const flipped = Buffer.from(two)
    flipped[first + 70] = (flipped[first + 70] as number) ^ 4
    expect(() => readAll(fetched(flipped))).toThrow(/^Batch at offset 2 of t\/3: CORRUPT_MESSAGE: its CRC/)
  })

  it('ends with a record or a named error, never otherwise, whatever bytes with a right CRC say', () => {
    const bytes = fc.uint8Array({ minLength: 0, maxLength: 120 })
    void fc.assert(
      fc.property(bytes, fc.integer({ min: -2, max: 20 }), fc.nat(0xff), (tail, count, attributes) => {
        const batch = Buffer.concat([build([plain('a')]).subarray(0, HEADER_BYTES), tail])
        batch.writeInt32BE(batch.length - 12, FIELD.length)
        batch.writeInt32BE(count, FIELD.records)
        batch.writeInt16BE(attributes & ~7, FIELD.attributes)
        try {
          for (const record of readAll(fetched(sealed(batch)))) expect(record.topic).toBe('t')
        } catch (error) {
          expect(error).toEqual(named('CORRUPT_MESSAGE'))
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('names a length that is no length, and an offset that no number holds', () => {
    const short = Buffer.from(two)
    short.writeInt32BE(-5, FIELD.length)
    expect(() => readAll(fetched(short))).toThrow(/it says that it has 7 bytes/)
    const far = Buffer.from(two)
    far.writeInt32BE(0x7fffffff, FIELD.baseOffset)
    expect(() => readAll(fetched(far))).toThrow(/beyond 2\^53/)
  })

  it('names what does not decompress', () => {
    const batch = build([plain('a')], NO_PRODUCER)
    batch.writeInt16BE(1, FIELD.attributes)
    expect(() => readAll(fetched(sealed(batch)))).toThrow(/CORRUPT_MESSAGE: it cannot be decompressed \(gzip\)/)
  })

  it.each([0, 1])('refuses message format %i by name', (magic) => {
    const old = Buffer.alloc(40)
    old.writeInt32BE(28, FIELD.length)
    old[FIELD.magic] = magic
    expect(() => readAll(fetched(old))).toThrow(named('UNSUPPORTED_FOR_MESSAGE_FORMAT'))
    expect(() => readAll(fetched(old))).toThrow(`message format ${magic}`)
  })
})
