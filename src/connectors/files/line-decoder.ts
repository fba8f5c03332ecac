// LineDecoder: lines to records, a batch at a time. One decode and one split per batch, not one per line; the price of a line is
// then little more than its JSON.parse.
//
// Owns: how long lines have been so far (to guess how many bytes make a batch).
// Does not own: the bytes, the position.

import { isAscii, isUtf8 } from 'node:buffer'
import { reasonOf } from '../../errors.ts'
import { NEWLINE, NOTHING_TAKEN, type RecordDecoder, type Taken, tooLong } from './record-decoder.ts'
import type { RecordOutput } from './record-output.ts'

/** Puts out a line's record, or answers what is wrong with it. */
type LineHandler = (line: string, out: RecordOutput) => string | undefined

/** Each line a JSON value; blank lines are skipped. */
export function ndjsonDecoder(recordBytesMax: number): RecordDecoder {
  return new LineDecoder(recordBytesMax, (line, out) => {
    if (line === '' || line === '\r') return undefined
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch (error) {
      return `not JSON: ${reasonOf(error)}`
    }
    return out.good(value)
  })
}

/** Each line a string, without its line end. */
export function lineDecoder(recordBytesMax: number): RecordDecoder {
  return new LineDecoder(recordBytesMax, (line, out) => out.good(line.endsWith('\r') ? line.slice(0, -1) : line))
}

class LineDecoder implements RecordDecoder {
  readonly header = undefined
  readonly #recordBytesMax: number
  readonly #handle: LineHandler
  #bytesPerLine = 16

  constructor(recordBytesMax: number, handle: LineHandler) {
    this.#recordBytesMax = recordBytesMax
    this.#handle = handle
  }

  decode(bytes: Buffer, recordsMax: number, last: boolean, out: RecordOutput): Taken {
    const end = this.#endOfLines(bytes, recordsMax, last)
    if (end === 0) return NOTHING_TAKEN
    const whole = bytes.subarray(0, end)
    const taken = isUtf8(whole) ? this.#decodeText(whole, recordsMax, out) : this.#decodeEach(whole, recordsMax, out)
    this.#bytesPerLine = taken.bytes / taken.lines
    return taken
  }

  /** Where about recordsMax whole lines end; 0 if there is not one. */
  #endOfLines(bytes: Buffer, recordsMax: number, last: boolean): number {
    const guess = Math.min(bytes.length, Math.ceil(recordsMax * this.#bytesPerLine))
    const before = bytes.lastIndexOf(NEWLINE, guess - 1)
    const end = (before >= 0 ? before : bytes.indexOf(NEWLINE, guess)) + 1
    return end === 0 && last ? bytes.length : end
  }

  #decodeText(bytes: Buffer, recordsMax: number, out: RecordOutput): Taken {
    const ascii = isAscii(bytes)
    const lines = (ascii ? bytes.toString('latin1') : bytes.toString('utf8')).split('\n')
    if (lines.at(-1) === '') lines.pop()
    const count = Math.min(lines.length, recordsMax)
    for (let i = 0; i < count; i += 1) this.#line(lines[i] as string, i, out)
    if (count === lines.length) return { bytes: bytes.length, lines: count }
    let taken = count
    for (let i = 0; i < count; i += 1) {
      const line = lines[i] as string
      taken += ascii ? line.length : Buffer.byteLength(line)
    }
    return { bytes: taken, lines: count }
  }

  /** Somewhere in there is what is not UTF-8: only the lines that have it are malformed. */
  #decodeEach(bytes: Buffer, recordsMax: number, out: RecordOutput): Taken {
    let start = 0
    let count = 0
    for (; count < recordsMax && start < bytes.length; count += 1) {
      const newline = bytes.indexOf(NEWLINE, start)
      const line = bytes.subarray(start, newline < 0 ? bytes.length : newline)
      if (isUtf8(line)) this.#line(line.toString('utf8'), count, out)
      else out.bad('not valid UTF-8', count, line.toString('utf8'))
      start = newline < 0 ? bytes.length : newline + 1
    }
    return { bytes: start, lines: count }
  }

  #line(line: string, at: number, out: RecordOutput): void {
    const max = this.#recordBytesMax
    const fault = line.length > max ? tooLong(max) : this.#handle(line, out)
    if (fault !== undefined) out.bad(fault, at, line)
  }
}
