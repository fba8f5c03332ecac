// confluent: values in the framing of Confluent's schema registry. The registry itself is not asked.
//
// A byte 0, the schema's id in four bytes, for protobuf where the message is declared, then the value.

import { z } from 'zod'
import { MillraceError, reasonOf } from '../../../errors.ts'
import { parseOptions } from '../../cdc/parse-options.ts'
import type { ValueFormat } from './format.ts'
import { indexesOf, indexList } from './message-indexes.ts'
import { type ValueOptions, valueFormat } from './value-format.ts'

/** Options of confluent. */
export interface ConfluentOptions extends ValueOptions {
  /** The id that is written. Needed to write. */
  readonly schemaId?: number
  /** The ids that are read; a record of another schema is undecodable. Default: any. */
  readonly accept?: readonly number[]
  /**
   * Of protobuf: where the message is declared in its file, in the message that it is declared in, and so on. Default: where protobufFile()
   * found it; for protobuf() `[0]`, the file's first.
   */
  readonly messageIndexes?: readonly number[]
}

const id = z.int().min(0).max(0x7fff_ffff)

const shape = z.strictObject({
  schemaId: id.optional(),
  accept: z.array(id).min(1).optional(),
  messageIndexes: z.array(id).min(1).optional(),
  tombstones: z.enum(['fail', 'skip']).default('fail'),
})

const MAGIC = 0
const HEAD_BYTES = 5

/**
 * Values as Confluent's serializers frame them, inside of which is json(), protobuf() or protobufFile(): `confluent(json<Order>(), { schemaId: 7 })`.
 * Avro is not supported. Throws CONNECTOR_OPTION.
 */
export function confluent<T>(inner: ValueFormat<T>, options: ConfluentOptions = {}): ValueFormat<T> {
  const { schemaId, accept, messageIndexes, tombstones } = parseOptions(shape, options, 'confluent')
  if (typeof (inner as Partial<ValueFormat<T>> | undefined)?.decode !== 'function') throw noFormat()
  const framing: Framing<T> = {
    inner,
    schemaId,
    accepted: accept === undefined ? undefined : new Set(accept),
    indexes: inner.messageIndexes && (messageIndexes === undefined ? inner.messageIndexes : () => messageIndexes),
  }
  return valueFormat<T>(
    {
      what: 'a value framed for a schema registry',
      open: async () => inner.open?.(),
      decode: (bytes) => decode(bytes, framing),
      encode: (value) => encode(value, framing),
    },
    { tombstones },
  )
}

interface Framing<T> {
  readonly inner: ValueFormat<T>
  readonly schemaId: number | undefined
  readonly accepted: ReadonlySet<number> | undefined
  /** Of protobuf only. */
  readonly indexes: (() => readonly number[]) | undefined
}

function decode<T>(bytes: Buffer, { inner, accepted, indexes }: Framing<T>): T {
  if (bytes[0] !== MAGIC || bytes.length < HEAD_BYTES)
    throw new Error(
      `not framed for a schema registry: expected a byte 0 and the id of a schema, got ${headText(bytes)}`,
    )
  const schema = bytes.readInt32BE(1)
  if (accepted !== undefined && !accepted.has(schema))
    throw new Error(`schema ${schema}: expected ${[...accepted].join(' or ')}`)
  try {
    return inner.decode(bytes.subarray(indexes === undefined ? HEAD_BYTES : messageStart(bytes, indexes())))
  } catch (error) {
    throw new Error(`schema ${schema}: ${reasonOf(error)} (Avro is not supported)`, { cause: error })
  }
}

function messageStart(bytes: Buffer, expected: readonly number[]): number {
  const { indexes, end } = indexesOf(bytes, HEAD_BYTES)
  if (indexes.length === expected.length && indexes.every((index, i) => index === expected[i])) return end
  throw new Error(`message [${indexes.join(', ')}] of its file: expected [${expected.join(', ')}]`)
}

function encode<T>(value: T, { inner, schemaId, indexes }: Framing<T>): Buffer {
  if (schemaId === undefined)
    throw option('schemaId', 'is needed to write: the id under which the schema is registered')
  const encoded = inner.encode(value)
  const head = Buffer.from([MAGIC, 0, 0, 0, 0, ...(indexes === undefined ? [] : indexList(indexes()))])
  head.writeInt32BE(schemaId, 1)
  return Buffer.concat([head, typeof encoded === 'string' ? Buffer.from(encoded) : encoded])
}

function headText(bytes: Buffer): string {
  return bytes.length === 0 ? 'no bytes' : `bytes ${bytes.subarray(0, HEAD_BYTES).toString('hex')}`
}

function noFormat(): MillraceError {
  return option('(inner)', 'expected json(), text(), bytes(), protobuf() or protobufFile(); Avro is not supported')
}

function option(path: string, reason: string): MillraceError {
  return new MillraceError('CONNECTOR_OPTION', { path, connector: 'confluent', reason })
}
