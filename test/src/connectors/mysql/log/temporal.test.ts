import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Cursor } from '../../../../../src/connectors/mysql/log/cursor.ts'
import {
  datetimeReader,
  readDate,
  readOldDatetime,
  readOldTime,
  readOldTimestamp,
  readYear,
  timeReader,
  timestampReader,
} from '../../../../../src/connectors/mysql/log/temporal.ts'

const digitsOf = fc.integer({ min: 0, max: 6 })
const dates = fc.record({
  year: fc.integer({ min: 0, max: 9999 }),
  month: fc.integer({ min: 0, max: 12 }),
  day: fc.integer({ min: 0, max: 31 }),
})
const clocks = fc.record({
  hour: fc.integer({ min: 0, max: 23 }),
  minute: fc.integer({ min: 0, max: 59 }),
  second: fc.integer({ min: 0, max: 59 }),
  micros: fc.integer({ min: 0, max: 999_999 }),
})

const pad = (n: number, width: number): string => String(n).padStart(width, '0')
const printDate = ({ year, month, day }: { year: number; month: number; day: number }): string =>
  `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`
const printFraction = (micros: number, digits: number): string =>
  digits === 0 ? '' : `.${pad(micros, 6).slice(0, digits)}`

/** Big-endian. */
function bytesOf(value: bigint, bytes: number): Buffer {
  return Buffer.from(
    BigInt.asUintN(bytes * 8, value)
      .toString(16)
      .padStart(bytes * 2, '0'),
    'hex',
  )
}

/** Only so many digits, as bytes of hundredths, ten thousandths or millionths. */
function fractionOf(micros: number, digits: number): { value: bigint; bytes: number } {
  const bytes = Math.ceil(digits / 2)
  const kept = Math.floor(micros / 10 ** (6 - digits)) * 10 ** (6 - digits)
  return { value: BigInt(kept / 10 ** (6 - 2 * bytes)), bytes }
}

function read<T>(reader: (cursor: Cursor) => T, bytes: Buffer): T {
  const cursor: Cursor = { buffer: Buffer.concat([Buffer.from([0xee]), bytes, Buffer.from([0xee])]), at: 1 }
  const value = reader(cursor)
  expect(cursor.at).toBe(1 + bytes.length)
  return value
}

describe('dates and times', () => {
  it('DATE', () => {
    fc.assert(
      fc.property(dates, (date) => {
        const bytes = Buffer.alloc(3)
        bytes.writeUIntLE(date.year * 512 + date.month * 32 + date.day, 0, 3)
        expect(read(readDate, bytes)).toBe(printDate(date))
      }),
    )
  })

  it('DATETIME, zero in part or in whole too', () => {
    fc.assert(
      fc.property(dates, clocks, digitsOf, (date, clock, digits) => {
        const fields = [
          [BigInt(date.year * 13 + date.month), 17n],
          [BigInt(date.day), 5n],
          [BigInt(clock.hour), 5n],
          [BigInt(clock.minute), 6n],
          [BigInt(clock.second), 6n],
        ] as const
        const whole = fields.reduce((bits, [value, width]) => (bits << width) | value, 1n)
        const fraction = fractionOf(clock.micros, digits)
        const bytes = Buffer.concat([
          bytesOf(whole, 5),
          bytesOf(fraction.value, fraction.bytes).subarray(0, fraction.bytes),
        ])
        const time = `${pad(clock.hour, 2)}:${pad(clock.minute, 2)}:${pad(clock.second, 2)}`
        expect(read(datetimeReader(digits), bytes)).toBe(
          `${printDate(date)} ${time}${printFraction(clock.micros, digits)}`,
        )
        if (digits > 0) return
        const old = Buffer.alloc(8)
        old.writeBigUInt64LE(BigInt(`${printDate(date)}${time}`.replaceAll(/[-:]/g, '')))
        expect(read(readOldDatetime, old)).toBe(`${printDate(date)} ${time}`)
      }),
      { numRuns: 1000 },
    )
  })

  it('TIMESTAMP, up to the end of 32 bits', () => {
    const days = fc.integer({ min: 0, max: 49_709 }).map((day) => day * 86_400 + 1)
    fc.assert(
      fc.property(
        fc.oneof(fc.integer({ min: 1, max: 0xffffffff }), days),
        fc.integer({ min: 0, max: 999_999 }),
        digitsOf,
        (seconds, micros, digits) => {
          const fraction = fractionOf(micros, digits)
          const bytes = Buffer.concat([
            bytesOf(BigInt(seconds), 4),
            bytesOf(fraction.value, fraction.bytes).subarray(0, fraction.bytes),
          ])
          const text = new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')
          expect(read(timestampReader(digits), bytes)).toBe(text + printFraction(micros, digits))
          const old = Buffer.alloc(4)
          old.writeUInt32LE(seconds)
          expect(read(readOldTimestamp, old)).toBe(text)
        },
      ),
      { numRuns: 2000 },
    )
    expect(read(timestampReader(2), Buffer.alloc(5))).toBe('0000-00-00 00:00:00.00')
  })

  it('TIME, negative too: the fraction belongs to the number', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 838 }), clocks, digitsOf, fc.boolean(), (hour, clock, digits, negative) => {
        const { value, bytes } = fractionOf(clock.micros, digits)
        const size = (BigInt((hour << 12) | (clock.minute << 6) | clock.second) << BigInt(8 * bytes)) | value
        const isNegative = negative && size > 0n
        const packed = (0x800000n << BigInt(8 * bytes)) + (isNegative ? -size : size)
        const time = `${isNegative ? '-' : ''}${pad(hour, 2)}:${pad(clock.minute, 2)}:${pad(clock.second, 2)}`
        expect(read(timeReader(digits), bytesOf(packed, 3 + bytes))).toBe(time + printFraction(clock.micros, digits))
        if (digits > 0) return
        const old = Buffer.alloc(3)
        old.writeIntLE(Number(time.replaceAll(':', '')), 0, 3)
        expect(read(readOldTime, old)).toBe(time)
      }),
      { numRuns: 1000 },
    )
  })

  it.each([
    [0, 0],
    [1, 1901],
    [255, 2155],
  ])('YEAR %i is %i', (byte, year) => {
    expect(read(readYear, Buffer.from([byte]))).toBe(year)
  })
})
