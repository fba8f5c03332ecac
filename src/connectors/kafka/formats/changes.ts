// changes: changes as they are, both ways: operations, rows, keys, columns and places, with all their types.
//
// A value is two bytes, a mark and the format's version, and a msgpack list: see Parts. Names of columns stand once for both rows.

import { setField } from '../../../codec/exact-json.ts'
import { jsonText } from '../../../codec/json-text.ts'
import { newPackr } from '../../../codec/packr.ts'
import type { Change, ChangeOp, TableSchema } from '../../../record/change.ts'
import { decimalText, isDecimal } from '../../../util/decimal.ts'
import type { KafkaRecord } from '../records/kafka-record.ts'
import type { Format, WrittenRecord } from './format.ts'

/** A byte that msgpack never has, and no text begins with. */
const MARK = 0xc1
const VERSION = 1
const OPS: ReadonlySet<unknown> = new Set<ChangeOp>(['r', 'c', 'u', 'd', 't', 's'])

type Names = readonly string[] | null

type Parts = readonly [
  op: ChangeOp,
  /** Of the columns; null: rows are lists. */
  names: Names,
  /** Of the columns of `before`, where they are others. */
  namesBefore: Names,
  before: readonly unknown[] | null,
  after: readonly unknown[] | null,
  key: readonly unknown[],
  oldKey: readonly unknown[] | null,
  schema: TableSchema | null,
  connector: string,
  database: string,
  table: string,
  position: string,
  timestampMs: number,
  snapshot: boolean,
  transaction: string | null,
]

const PARTS = 15

const packr = newPackr({
  refuseFunction: () => {
    throw new TypeError('a function cannot be kept')
  },
  // A row may be kept for long: it must not hold on to all that was fetched with it.
  copyBuffers: true,
})

/**
 * Changes exactly, as records of their own kind: for a topic between jobs. The record's key is the row's, so one row's changes stay in
 * order; an update that changes the key stands under the new one. Tombstones are undecodable.
 */
export function changes<Row = Record<string, unknown>>(): Format<Change<Row>> {
  return {
    write: (change: Change<Row>): WrittenRecord => ({ key: keyText(change), value: encode(change) }),
    read: ({ value }: KafkaRecord, out: Change<Row>[]): void => {
      if (value === null) throw new Error('no value (a tombstone): expected what changes() writes')
      out.push(decode(value) as Change<Row>)
    },
  }
}

function encode({ op, before, after, key, oldKey, schema, source }: Change<unknown>): Buffer {
  const { connector, database, table, position, timestampMs, snapshot, transaction } = source
  const names = namesOf(after ?? before)
  const namesBefore = after === null || before === null ? names : namesOf(before)
  const parts: Parts = [
    op,
    names,
    namesBefore === null || (names !== null && sameNames(names, namesBefore)) ? null : namesBefore,
    valuesOf(before, namesBefore),
    valuesOf(after, names),
    key,
    oldKey ?? null,
    schema ?? null,
    connector,
    database,
    table,
    position,
    timestampMs,
    snapshot,
    transaction ?? null,
  ]
  return Buffer.concat([HEAD, packr.pack(parts)])
}

const HEAD = Buffer.of(MARK, VERSION)

function namesOf(row: unknown): Names {
  return row === null || Array.isArray(row) ? null : Object.keys(row as object)
}

function valuesOf(row: unknown, names: Names): readonly unknown[] | null {
  if (row === null || names === null) return row as readonly unknown[] | null
  const values = new Array<unknown>(names.length)
  for (let i = 0; i < names.length; i += 1) values[i] = (row as Record<string, unknown>)[names[i] as string]
  return values
}

function decode(bytes: Buffer): Change<unknown> {
  const parts = partsOf(bytes)
  const [op, names, namesBefore, before, after, key, oldKey, schema] = parts
  const [, , , , , , , , connector, database, table, position, timestampMs, snapshot, transaction] = parts
  const place = { connector, database, table, position, timestampMs, snapshot }
  return {
    op,
    before: rowOf(before, namesBefore ?? names),
    after: rowOf(after, names),
    key,
    ...(oldKey === null ? undefined : { oldKey }),
    ...(schema === null ? undefined : { schema }),
    source: transaction === null ? place : { ...place, transaction },
  }
}

function partsOf(bytes: Buffer): Parts {
  if (bytes[0] !== MARK) throw new Error('not a change as changes() writes it')
  if (bytes[1] !== VERSION)
    throw new Error(`a change of format ${bytes[1] ?? 'unknown'}; this release reads format ${VERSION}`)
  let parts: unknown
  try {
    parts = packr.unpack(bytes.subarray(HEAD.length))
  } catch (error) {
    throw new Error(`a change that is cut off or damaged: ${(error as Error).message}`, { cause: error })
  }
  if (!Array.isArray(parts) || parts.length !== PARTS || !OPS.has(parts[0]) || !Array.isArray(parts[5]))
    throw new Error('a change that is damaged: its parts are not those that changes() writes')
  return parts as unknown as Parts
}

function rowOf(values: readonly unknown[] | null, names: Names): unknown {
  if (values === null || names === null) return values
  const row: Record<string, unknown> = {}
  for (let i = 0; i < names.length; i += 1) setField(row, names[i] as string, values[i])
  return row
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false
  return true
}

/** JSON of database, table and key: the same for the same row, and legible in Kafka's own tools. */
function keyText({ key, source }: Change<unknown>): string {
  let text = `[${JSON.stringify(source.database)},${JSON.stringify(source.table)}`
  for (let i = 0; i < key.length; i += 1) text += `,${keyPart(key[i])}`
  return `${text}]`
}

function keyPart(value: unknown): string {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value + 0) : `"${value}"`
  if (value instanceof Uint8Array) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    return `{"$bytes":"${bytes.toString('base64')}"}`
  }
  return isDecimal(value) ? `"${decimalText(value)}"` : (jsonText(value) ?? 'null')
}
