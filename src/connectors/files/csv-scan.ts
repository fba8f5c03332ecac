import { NEWLINE } from './record-decoder.ts'

/** What ends fields and records. Byte values. */
export interface CsvBytes {
  readonly delimiter: number
  readonly quote: number
}

/** No record ends in these bytes: more are needed. */
export const INCOMPLETE = -1
/** A quoted field is open at the end of these bytes. */
export const UNCLOSED = -2

/**
 * The byte behind the record that begins at `from`, its line end included. A quote opens a field only at the field's beginning,
 * so a stray one cannot swallow the records after it.
 */
export function csvRecordEnd(bytes: Buffer, from: number, { delimiter, quote }: CsvBytes): number {
  let at = from
  for (;;) {
    if (bytes[at] === quote) {
      at = behindClosingQuote(bytes, at + 1, quote)
      if (at < 0) return UNCLOSED
    }
    while (at < bytes.length && bytes[at] !== delimiter && bytes[at] !== NEWLINE) at += 1
    if (at >= bytes.length) return INCOMPLETE
    at += 1
    if (bytes[at - 1] === NEWLINE) return at
  }
}

function behindClosingQuote(bytes: Buffer, from: number, quote: number): number {
  let at = from
  for (;;) {
    const found = bytes.indexOf(quote, at)
    if (found < 0) return -1
    if (bytes[found + 1] !== quote) return found + 1
    at = found + 2
  }
}

/** Newlines in some bytes, also within quoted fields. */
export function countNewlines(bytes: Buffer): number {
  let count = 0
  for (let i = 0; i < bytes.length; i += 1) if (bytes[i] === NEWLINE) count += 1
  return count
}
