import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { msgpackRecords } from '../../../../../src/connectors/relay/queue/record-codec.ts'
import { RecordPacker } from '../../../../../src/connectors/relay/send/record-packer.ts'

function packerOf(options: { batchBytes?: number; batchRecords?: number; codec?: typeof msgpackRecords } = {}) {
  const batches: { bytes: number; records: unknown[] }[] = []
  const packer = new RecordPacker<unknown>({
    node: 'out',
    stream: 'main',
    codec: options.codec ?? msgpackRecords,
    batchBytes: options.batchBytes ?? 1000,
    batchRecords: options.batchRecords ?? 1_000_000,
    frameBytesMax: 65_536,
    packed: (bytes, count) => {
      const records = msgpackRecords.decode(bytes)
      expect(records).toHaveLength(count)
      batches.push({ bytes: bytes.length, records })
    },
  })
  return { packer, batches }
}

describe('RecordPacker', () => {
  it('I1, I2: gives every record once, in order, in batches that fit, whatever their sizes', () => {
    const sizes = fc.array(fc.array(fc.oneof(fc.nat(20), fc.nat(2000), fc.nat(60_000)), { maxLength: 40 }), {
      maxLength: 8,
    })
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 50 }), (calls, batchRecords) => {
        const { packer, batches } = packerOf({ batchRecords })
        let n = 0
        const written = calls.map((call) => call.map((size) => ({ n: n++, text: 'x'.repeat(size) })))
        for (const records of written) packer.add(records)
        packer.close()
        expect(packer.isEmpty).toBe(true)
        expect(batches.flatMap(({ records }) => records)).toEqual(written.flat())
        for (const { bytes, records } of batches) {
          expect(records.length).toBeLessThanOrEqual(batchRecords)
          expect(records.length === 1 || bytes <= 2000).toBe(true)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('comes near the size that is asked for, with fields whose names are long', () => {
    const { packer, batches } = packerOf({ batchBytes: 10_000 })
    for (let i = 0; i < 100; i += 1) {
      packer.add(Array.from({ length: 100 }, (_, k) => ({ aFieldWithALongName: k, anotherFieldWithALongName: i })))
    }
    const sizes = batches.slice(5).map(({ bytes }) => bytes)
    expect(Math.min(...sizes)).toBeGreaterThan(5000)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(20_000)
  })

  it('has what waits copied, each record once', () => {
    const asked: unknown[] = []
    const keep = (record: unknown): unknown => {
      asked.push(record)
      return { copy: record }
    }
    const { packer, batches } = packerOf({ codec: { ...msgpackRecords, keep } })
    packer.add([1, 2])
    packer.keep()
    packer.keep()
    packer.add([3])
    packer.keep()
    packer.add([4])
    packer.close()
    packer.add([5])
    packer.keep()
    packer.close()
    expect(asked).toEqual([1, 2, 3, 5])
    expect(batches.map(({ records }) => records)).toEqual([[{ copy: 1 }, { copy: 2 }, { copy: 3 }, 4], [{ copy: 5 }]])
  })

  it('refuses a codec that writes nothing, by node and stream', () => {
    const { packer } = packerOf({ codec: { ...msgpackRecords, name: 'void', encode: () => new Uint8Array() } })
    packer.add([1])
    expect(() => packer.close()).toThrow('Sink "out", stream "main": codec void wrote no bytes for 1 records')
  })
})
