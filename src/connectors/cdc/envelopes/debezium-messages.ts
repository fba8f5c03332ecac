// DebeziumMessages: keys and values of messages as documents, with what their schemas say of the columns.
//
// Owns: the schemas read last, by topic, for they are most of each message's text, and hardly ever another.
// Does not own: what a document means.
//
// I1. A document read behind a known schema is what reading the whole text gives.

import { parseExactJson } from '../../../codec/exact-json.ts'
import { fieldNamed, mayBeRounded, type RowTypes, rowTypes, type SchemaField } from './connect-values.ts'
import { fieldsOf } from './envelope-decoder.ts'

/** An object of JSON. */
export type Fields = Readonly<Record<string, unknown>>

/** What a text said. */
export interface DebeziumMessage {
  readonly payload: Fields
  /** How the columns of its rows are written, where it says so. */
  readonly types: RowTypes
}

/** A key is a row; a value has rows in it. */
type Part = 'key' | 'value'

interface KnownSchema {
  /** All of the text before the payload. */
  readonly head: string
  readonly types: RowTypes
}

const SCHEMAS_MAX = 1000
const NO_TYPES: RowTypes = new Map()

/** A fraction of more digits than a double is sure of, or an exponent that it may not have. */
const LONG_FRACTION = /(?=[\d.]{17})\d+\.\d|\d[eE][+-]?\d{3}/

/** See the head of this file. */
export class DebeziumMessages {
  readonly #known = new Map<string, KnownSchema>()

  /** undefined for one without a payload. Throws SyntaxError, Malformed. */
  read(text: string, part: Part, topic: string): DebeziumMessage | undefined {
    const id = `${part} ${topic}`
    const known = this.#known.get(id)
    const payload = known === undefined ? undefined : payloadBehind(known.head, text, part)
    if (known === undefined || payload === undefined) return this.#readWhole(text, part, id)
    return payload === null ? undefined : { payload: fieldsOf(payload, 'the payload'), types: known.types }
  }

  #readWhole(text: string, part: Part, id: string): DebeziumMessage | undefined {
    const whole = readExactly(text, (value) => rowsOf(payloadOf(value), part))
    const fields = fieldsOf(whole, `the ${part}`)
    if (!hasSchema(fields)) return { payload: fields, types: NO_TYPES }
    const schema = fields.schema === null ? undefined : (fieldsOf(fields.schema, 'the schema') as SchemaField)
    const types = rowTypes(part === 'key' ? schema : (fieldNamed(schema, 'after') ?? fieldNamed(schema, 'before')))
    this.#remember(id, { head: `{"schema":${JSON.stringify(fields.schema)},"payload":`, types })
    return fields.payload === null ? undefined : { payload: fieldsOf(fields.payload, 'the payload'), types }
  }

  #remember(id: string, known: KnownSchema): void {
    if (this.#known.size >= SCHEMAS_MAX) this.#known.clear()
    this.#known.set(id, known)
  }
}

/** undefined if the text does not begin so, if more follows the payload, or if it is no JSON, which the whole then says better. */
function payloadBehind(head: string, text: string, part: Part): unknown {
  if (!text.startsWith(head)) return undefined
  try {
    return readExactly(text.slice(head.length, -1), (value) => rowsOf(value, part))
  } catch {
    return undefined
  }
}

/** Times in the envelope have more digits than a double, but nobody reads those: rows alone are worth reading exactly, which takes long. */
function readExactly(text: string, rows: (value: unknown) => readonly unknown[]): unknown {
  const value: unknown = JSON.parse(text)
  const exact = !LONG_FRACTION.test(text) && !rows(value).some((row) => mayBeRounded(row as Fields))
  return exact ? value : parseExactJson(text)
}

function rowsOf(payload: unknown, part: Part): readonly unknown[] {
  if (part === 'key') return [payload]
  return typeof payload === 'object' && payload !== null ? [(payload as Fields).before, (payload as Fields).after] : []
}

function payloadOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && hasSchema(value as Fields) ? (value as Fields).payload : value
}

/** A key may have columns of these names, too; neither is an object or null then. */
function hasSchema(fields: Fields): boolean {
  if (!Object.hasOwn(fields, 'schema') || !Object.hasOwn(fields, 'payload')) return false
  return typeof fields.schema === 'object' || typeof fields.payload === 'object'
}
