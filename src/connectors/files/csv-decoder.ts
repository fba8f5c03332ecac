// CsvDecoder: CSV records to objects of strings. Where records end is found here, in bytes, so that positions are exact and one bad
// record spoils no other; what is in a record is csv-parse's to say. A batch in which no field is quoted needs no parser.
//
// Owns: the column names of one file.
// Does not own: the bytes, the position.

import { isUtf8 } from 'node:buffer'
import { parse } from 'csv-parse/sync'
import { reasonOf } from '../../errors.ts'
import { type CsvBytes, countNewlines, csvRecordEnd, INCOMPLETE, UNCLOSED } from './csv-scan.ts'
import { NEWLINE, NOTHING_TAKEN, type RecordDecoder, type Taken, tooLong } from './record-decoder.ts'
import type { RecordOutput } from './record-output.ts'

export interface CsvDecoderOptions {
  readonly delimiter: string
  readonly quote: string
  /** Known already; undefined: the first record names the columns. */
  readonly header: readonly string[] | undefined
  /** Are fields missing at the end of a record empty? */
  readonly pad: boolean
  readonly recordBytesMax: number
}

type Row = Record<string, string>

/** The bytes of one record, and why it cannot be one, if so. */
interface Span {
  readonly start: number
  readonly end: number
  readonly fault: string | undefined
}

/** Decodes RFC 4180 and what differs from it by delimiter and quote. */
export class CsvDecoder implements RecordDecoder {
  readonly #options: CsvDecoderOptions
  readonly #bytes: CsvBytes
  #header: readonly string[] | undefined

  constructor(options: CsvDecoderOptions) {
    this.#options = options
    this.#bytes = { delimiter: options.delimiter.charCodeAt(0), quote: options.quote.charCodeAt(0) }
    this.#header = options.header
  }

  get header(): readonly string[] | undefined {
    return this.#header
  }

  decode(bytes: Buffer, recordsMax: number, last: boolean, out: RecordOutput): Taken {
    const { spans, end } = this.#scan(bytes, this.#header === undefined ? 1 : recordsMax, last)
    if (end === 0) return NOTHING_TAKEN
    const whole = bytes.subarray(0, end)
    if (this.#header !== undefined) this.#records(whole, spans, this.#header, out)
    else if (spans[0] !== undefined) this.#header = this.#readHeader(whole, spans[0], out)
    return { bytes: end, lines: countNewlines(whole) }
  }

  /** The next records and where they end. Blank lines are no records. */
  #scan(bytes: Buffer, recordsMax: number, last: boolean): { spans: Span[]; end: number } {
    const spans: Span[] = []
    let start = 0
    while (spans.length < recordsMax && start < bytes.length) {
      const found = csvRecordEnd(bytes, start, this.#bytes)
      if (found < 0 && !last) break
      const end = found < 0 ? endOfFaulty(bytes, start, found) : found
      const fault = found === UNCLOSED ? 'a quoted field is not closed' : this.#lengthFault(end - start)
      if (!isBlank(bytes, start, end)) spans.push({ start, end, fault })
      start = end
    }
    return { spans, end: start }
  }

  #lengthFault(bytes: number): string | undefined {
    const max = this.#options.recordBytesMax
    return bytes > max ? tooLong(max) : undefined
  }

  #records(bytes: Buffer, spans: readonly Span[], header: readonly string[], out: RecordOutput): void {
    const rows = this.#parseAll(bytes, spans)
    spans.forEach((span, i) => {
      const fields = rows?.[i] ?? this.#parseOne(bytes, span)
      const fault = typeof fields === 'string' ? fields : this.#putRow(header, fields, out)
      if (fault !== undefined) out.bad(fault, countNewlines(bytes.subarray(0, span.start)), rawText(bytes, span))
    })
  }

  /** Puts out a row, or answers what is wrong with it. */
  #putRow(header: readonly string[], fields: readonly string[], out: RecordOutput): string | undefined {
    const count = fields.length
    if (count === header.length || (count < header.length && this.#options.pad)) return out.good(toRow(header, fields))
    return `${count} ${count === 1 ? 'field' : 'fields'} where the header has ${header.length}`
  }

  /** All records in one go, or undefined if any of them needs to be looked at alone. */
  #parseAll(bytes: Buffer, spans: readonly Span[]): readonly string[][] | undefined {
    if (!isUtf8(bytes) || spans.some(({ fault }) => fault !== undefined)) return undefined
    if (!bytes.includes(this.#bytes.quote)) {
      return spans.map((span) => rawText(bytes, span).split(this.#options.delimiter))
    }
    try {
      const rows = this.#parse(bytes)
      return rows.length === spans.length ? rows : undefined
    } catch {
      return undefined
    }
  }

  /** The fields of one record, or what is wrong with it. */
  #parseOne(bytes: Buffer, span: Span): string[] | string {
    const record = bytes.subarray(span.start, span.end)
    if (span.fault !== undefined) return span.fault
    if (!isUtf8(record)) return 'not valid UTF-8'
    try {
      return this.#parse(record)[0] ?? []
    } catch (error) {
      return reasonOf(error).replace(/ (at|on) line \d+.*/, '')
    }
  }

  #parse(bytes: Buffer): string[][] {
    const { delimiter, quote } = this.#options
    return parse(bytes, {
      delimiter,
      quote,
      escape: quote,
      record_delimiter: ['\n', '\r\n'],
      relax_column_count: true,
      skip_empty_lines: true,
    })
  }

  /** Without column names nothing in the file can be read: always an error. */
  #readHeader(bytes: Buffer, span: Span, out: RecordOutput): readonly string[] {
    const names = this.#parseOne(bytes, span)
    const line = countNewlines(bytes.subarray(0, span.start))
    if (typeof names === 'string') throw out.malformed(`the header cannot be read: ${names}`, line)
    const twice = names.find((name, i) => names.indexOf(name) !== i)
    if (twice === undefined) return names
    throw out.malformed(`two columns are named "${twice}": name the columns with csv.header`, line)
  }
}

/** A record that has no proper end: what is left, or, where a quote swallows it, one line, so that the next may be read. */
function endOfFaulty(bytes: Buffer, start: number, found: number): number {
  if (found === INCOMPLETE) return bytes.length
  const newline = bytes.indexOf(NEWLINE, start)
  return newline < 0 ? bytes.length : newline + 1
}

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  if (bytes[end - 1] !== NEWLINE) return end === start
  return end - start === 1 || (end - start === 2 && bytes[start] === 0x0d)
}

/** A record's text without its line end. */
function rawText(bytes: Buffer, { start, end }: Span): string {
  let stop = end
  if (bytes[stop - 1] === NEWLINE) {
    stop -= 1
    if (stop > start && bytes[stop - 1] === 0x0d) stop -= 1
  }
  return bytes.toString('utf8', start, stop)
}

function toRow(header: readonly string[], fields: readonly string[]): Row {
  const row: Row = {}
  for (let i = 0; i < header.length; i += 1) {
    const name = header[i] as string
    // Assigning to __proto__ would set no column but the object's prototype.
    if (name === '__proto__')
      Object.defineProperty(row, name, { value: fields[i] ?? '', enumerable: true, writable: true, configurable: true })
    else row[name] = fields[i] ?? ''
  }
  return row
}
