// What a table map tells beside types: fields of a number, a packed length and bytes. MINIMAL has signs, character sets and
// kinds of geometry, FULL all of it.

import { type Cursor, readPacked, readPackedBytes } from './cursor.ts'
import { WireType } from './wire-type.ts'

/** By index of column. */
export interface OptionalMetadata {
  readonly names: readonly string[] | undefined
  readonly unsigned: ReadonlyMap<number, boolean>
  readonly collations: ReadonlyMap<number, number>
  readonly labels: ReadonlyMap<number, readonly Buffer[]>
  readonly invisible: readonly boolean[] | undefined
  readonly geometryTypes: ReadonlyMap<number, number>
  readonly dimensions: ReadonlyMap<number, number>
  readonly key: readonly number[]
}

const Field = {
  signedness: 1,
  defaultCharset: 2,
  columnCharset: 3,
  columnName: 4,
  setLabels: 5,
  enumLabels: 6,
  geometryType: 7,
  key: 8,
  keyWithPrefix: 9,
  enumAndSetDefaultCharset: 10,
  enumAndSetColumnCharset: 11,
  visibility: 12,
  dimensions: 13,
} as const

/** `types` of the columns, enum and set told apart from strings. */
export function readOptionalMetadata(bytes: Buffer, types: readonly number[], mariadb: boolean): OptionalMetadata {
  const fields = readFields(bytes)
  const only = (isWanted: (type: number) => boolean): number[] =>
    [...types.keys()].filter((i) => isWanted(types[i] as number))
  const numbers = only((type) => NUMERIC.has(type))
  const enumsAndSets = only((type) => type === WireType.enum || type === WireType.set)
  const characters = only((type) => CHARACTER.has(type) || (mariadb && type === WireType.geometry))
  const signs = fields.get(Field.signedness)
  const visibility = fields.get(Field.visibility)
  return {
    names: fields.has(Field.columnName) ? readAll(fields.get(Field.columnName), readName) : undefined,
    unsigned: new Map(signs === undefined ? [] : numbers.map((column, i) => [column, bitAt(signs, i)])),
    collations: new Map([
      ...readCollations(fields.get(Field.defaultCharset), fields.get(Field.columnCharset), characters),
      ...readCollations(
        fields.get(Field.enumAndSetDefaultCharset),
        fields.get(Field.enumAndSetColumnCharset),
        enumsAndSets,
      ),
    ]),
    labels: new Map([
      ...zip(
        only((type) => type === WireType.enum),
        readAll(fields.get(Field.enumLabels), readLabels),
      ),
      ...zip(
        only((type) => type === WireType.set),
        readAll(fields.get(Field.setLabels), readLabels),
      ),
    ]),
    invisible: visibility === undefined ? undefined : types.map((_, i) => !bitAt(visibility, i)),
    geometryTypes: new Map(
      zip(
        only((type) => type === WireType.geometry),
        readAll(fields.get(Field.geometryType), readPacked),
      ),
    ),
    dimensions: new Map(
      zip(
        only((type) => type === WireType.vector),
        readAll(fields.get(Field.dimensions), readPacked),
      ),
    ),
    key: readKey(fields),
  }
}

/** The columns that have a sign: the year too. */
const NUMERIC: ReadonlySet<number> = new Set([
  WireType.tiny,
  WireType.short,
  WireType.int24,
  WireType.long,
  WireType.longlong,
  WireType.newDecimal,
  WireType.float,
  WireType.double,
  WireType.year,
])

/** The columns that have a collation; binary ones have number 63. */
const CHARACTER: ReadonlySet<number> = new Set([
  WireType.varchar,
  WireType.varString,
  WireType.string,
  WireType.blob,
  WireType.tinyBlob,
  WireType.mediumBlob,
  WireType.longBlob,
  WireType.blobCompressed,
  WireType.varcharCompressed,
])

function readFields(bytes: Buffer): Map<number, Buffer> {
  const fields = new Map<number, Buffer>()
  const cursor: Cursor = { buffer: bytes, at: 0 }
  while (cursor.at < bytes.length) {
    const field = bytes.readUInt8(cursor.at++)
    fields.set(field, readPackedBytes(cursor))
  }
  return fields
}

function readAll<T>(bytes: Buffer | undefined, read: (cursor: Cursor) => T): T[] {
  const all: T[] = []
  const cursor: Cursor = { buffer: bytes ?? Buffer.alloc(0), at: 0 }
  while (cursor.at < cursor.buffer.length) all.push(read(cursor))
  return all
}

function readName(cursor: Cursor): string {
  return readPackedBytes(cursor).toString('utf8')
}

/** Copied: a map outlives the packet that it came in. */
function readLabels(cursor: Cursor): Buffer[] {
  return Array.from({ length: readPacked(cursor) }, () => Buffer.from(readPackedBytes(cursor)))
}

/** Either one for all and (which of them, another) for those that differ; or one for each. */
function readCollations(
  byDefault: Buffer | undefined,
  each: Buffer | undefined,
  columns: readonly number[],
): [number, number][] {
  if (byDefault === undefined) return zip(columns, readAll(each, readPacked))
  const [usual, ...others] = readAll(byDefault, readPacked) as [number, ...number[]]
  const collations = columns.map((column): [number, number] => [column, usual])
  for (let i = 0; i + 1 < others.length; i += 2) {
    const differs = collations[others[i] as number]
    if (differs !== undefined) differs[1] = others[i + 1] as number
  }
  return collations
}

function readKey(fields: ReadonlyMap<number, Buffer>): number[] {
  const whole = fields.get(Field.key)
  if (whole !== undefined) return readAll(whole, readPacked)
  return readAll(fields.get(Field.keyWithPrefix), readPacked).filter((_, i) => i % 2 === 0)
}

function zip<T>(columns: readonly number[], values: readonly T[]): [number, T][] {
  return values.map((value, i) => [columns[i] as number, value])
}

function bitAt(bits: Buffer, i: number): boolean {
  return (((bits[i >> 3] as number) << (i & 7)) & 0x80) !== 0
}
