// EnvelopeDecoder: what all decoders of messages share: what becomes of a message that cannot be understood.

import {
  type Collector,
  type OutputTag,
  type ProcessContext,
  ProcessFunction,
} from '../../../contract/process-function.ts'
import { MillraceError, reasonOf } from '../../../errors.ts'
import type { Change } from '../../../record/change.ts'
import type { EnvelopeInput } from './envelope-record.ts'

/** A message that was not understood, and why. */
export interface MalformedEnvelope {
  readonly record: EnvelopeInput
  readonly reason: string
}

/** Options of fromDebeziumJson and fromCanalJson. */
export interface DecoderOptions {
  /** Where messages go that are not understood. Default: the first of them fails the job (RECORD_MALFORMED). */
  readonly malformed?: OutputTag<MalformedEnvelope>
}

/** What is wrong with a message; made a RECORD_MALFORMED, or a record of the side output, with where it was. */
export class Malformed extends Error {}

/** Makes changes of messages. A message gives all of its changes or none. */
export class EnvelopeDecoder<Row> extends ProcessFunction<EnvelopeInput, Change<Row>> {
  readonly #decode: (record: EnvelopeInput) => readonly Change<Row>[]
  readonly #format: string
  readonly #malformed: OutputTag<MalformedEnvelope> | undefined
  #count = 0

  constructor(
    format: string,
    decode: (record: EnvelopeInput) => readonly Change<Row>[],
    { malformed }: DecoderOptions,
  ) {
    super()
    this.#format = format
    this.#decode = decode
    this.#malformed = malformed
  }

  override process(record: EnvelopeInput, _context: ProcessContext, out: Collector<Change<Row>>): void {
    this.#count += 1
    let changes: readonly Change<Row>[]
    try {
      changes = this.#decode(record)
    } catch (error) {
      if (!(error instanceof Malformed) && !(error instanceof SyntaxError)) throw error
      return this.#refuse(record, reasonOf(error), out)
    }
    for (let i = 0; i < changes.length; i += 1) out.emit(changes[i] as Change<Row>)
  }

  #refuse(record: EnvelopeInput, reason: string, out: Collector<Change<Row>>): void {
    if (this.#malformed !== undefined) return out.side(this.#malformed, { record, reason })
    const file = record.topic ?? this.#format
    throw new MillraceError('RECORD_MALFORMED', { file, line: String(record.offset ?? this.#count), reason })
  }
}

/** An object that JSON gave; anything else is malformed. */
export function fieldsOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new Malformed(`${what} is ${kindText(value)}: expected an object`)
}

/** A field that must be a string. */
export function textOf(fields: Readonly<Record<string, unknown>>, name: string, what: string): string {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined
  if (typeof value === 'string') return value
  throw new Malformed(`${name} of ${what} is ${kindText(value)}: expected a string`)
}

/** For messages: what kind of value it is. */
export function kindText(value: unknown): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`
}
