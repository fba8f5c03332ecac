import { isBigintRefusal, jsonText } from '../../codec/json-text.ts'
import { MillraceError } from '../../errors.ts'
import { decimalText, isDecimal } from '../../util/decimal.ts'
import type { FilesSinkConfig } from './options.ts'

/** Turns records into the text of one part. */
export interface RecordEncoder {
  /** The records' lines, each with its newline. Throws SINK_FAILED for what the format cannot say. */
  encode(records: readonly unknown[]): string
}

/** A new encoder for each part: a CSV part begins with its header. */
export function makeEncoder(node: string, config: FilesSinkConfig): RecordEncoder {
  const refuse = (reason: string): MillraceError => new MillraceError('SINK_FAILED', { node, reason })
  if (config.format === 'csv') return new CsvEncoder(config, refuse)
  return config.format === 'ndjson' ? ndjsonEncoder(refuse) : linesEncoder(refuse)
}

type Refuse = (reason: string) => MillraceError

function ndjsonEncoder(refuse: Refuse): RecordEncoder {
  let hasBigints = false
  const lineOf = (record: unknown): string | undefined => {
    if (hasBigints) return jsonText(record)
    try {
      return JSON.stringify(record)
    } catch (error) {
      if (!isBigintRefusal(error)) throw error
      hasBigints = true
      return jsonText(record)
    }
  }
  return {
    encode(records) {
      let text = ''
      for (const record of records) {
        const line = lineOf(record)
        if (line === undefined) throw refuse(`JSON has no ${typeof record}`)
        text += line
        text += '\n'
      }
      return text
    },
  }
}

function linesEncoder(refuse: Refuse): RecordEncoder {
  return {
    encode(records) {
      let text = ''
      for (const record of records) {
        if (typeof record !== 'string') throw refuse(`format lines takes strings, not ${typeof record}`)
        if (record.includes('\n')) throw refuse('a line contains a newline: readers would see two')
        text += `${record}\n`
      }
      return text
    },
  }
}

class CsvEncoder implements RecordEncoder {
  readonly #refuse: Refuse
  readonly #delimiter: string
  readonly #quote: string
  #columns: readonly string[] | undefined
  #hasHeader = false

  constructor(config: FilesSinkConfig, refuse: Refuse) {
    this.#refuse = refuse
    this.#delimiter = config.delimiter
    this.#quote = config.quote
    this.#columns = config.columns
  }

  encode(records: readonly unknown[]): string {
    let text = ''
    for (const record of records) {
      if (typeof record !== 'object' || record === null) throw this.#refuse(`format csv takes objects, not ${record}`)
      this.#columns ??= Object.keys(record)
      if (!this.#hasHeader) text += this.#line(this.#columns)
      this.#hasHeader = true
      text += this.#row(record as Readonly<Record<string, unknown>>, this.#columns)
    }
    return text
  }

  #row(record: Readonly<Record<string, unknown>>, columns: readonly string[]): string {
    for (const name of Object.keys(record)) {
      if (!columns.includes(name)) {
        throw this.#refuse(`a record has column "${name}", the part has ${columns.join(', ')}: name all in columns`)
      }
    }
    return this.#line(columns.map((name) => (Object.hasOwn(record, name) ? this.#text(record[name]) : '')))
  }

  #line(fields: readonly string[]): string {
    // A line with one empty field would be a blank line, which readers skip.
    if (fields.length === 1 && fields[0] === '') return `${this.#quote}${this.#quote}\n`
    return `${fields.map((field) => this.#quoted(field)).join(this.#delimiter)}\n`
  }

  #text(value: unknown): string {
    if (value === null || value === undefined) return ''
    if (value instanceof Date) return value.toISOString()
    if (isDecimal(value)) return decimalText(value)
    if (typeof value === 'object') return jsonText(value) ?? ''
    return String(value)
  }

  #quoted(field: string): string {
    const plain =
      !field.includes(this.#delimiter) && !field.includes(this.#quote) && !field.includes('\n') && !field.includes('\r')
    return plain ? field : this.#quote + field.replaceAll(this.#quote, this.#quote + this.#quote) + this.#quote
  }
}
