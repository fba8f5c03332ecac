// Table maps: what the log tells of a table before its rows. Never changed after it is read.
//
//   table id 6 · flags 2 · length 1, database, 0 · length 1, table, 0 · columns (packed) · a type for each column ·
//   length (packed), metadata of each type · a bit for each column that may be NULL · optional metadata

import { MillraceError } from '../../../errors.ts'
import { type Cursor, readPacked, readPackedBytes } from './cursor.ts'
import { tableIdOf } from './event.ts'
import { readOptionalMetadata } from './optional-metadata.ts'
import { WireType } from './wire-type.ts'

/** A column as a table map tells it; what the map leaves out is undefined. */
export interface MappedColumn {
  /** '' where the map has no names. */
  readonly name: string
  /** A WireType; enum and set are told apart from strings. */
  readonly type: number
  /** Bytes: at most in a varchar, char or binary; of the length before a blob's bytes; of an enum's or set's number. Bits of a bit. */
  readonly length: number
  /** Digits in all of a decimal. */
  readonly precision: number
  /** Digits behind the point of a decimal; of the second of a time. */
  readonly scale: number
  readonly nullable: boolean
  readonly unsigned: boolean | undefined
  /** The number of its collation; 63 is binary. */
  readonly collation: number | undefined
  /** The members of an enum or set, in its character set. */
  readonly labels: readonly Buffer[] | undefined
  readonly invisible: boolean | undefined
  /** 0 geometry, 1 point, 2 linestring, 3 polygon, 4 multipoint, 5 multilinestring, 6 multipolygon, 7 geometrycollection. */
  readonly geometryType: number | undefined
  /** The numbers that a vector may have. */
  readonly dimensions: number | undefined
}

/** A table as a table map tells it. */
export interface TableMap {
  readonly tableId: number
  readonly database: string
  readonly table: string
  readonly columns: readonly MappedColumn[]
  /** The primary key's columns, in the key's order; empty if there is none, or the map does not tell. */
  readonly key: readonly number[]
  /** From a MariaDB's log. */
  readonly mariadb: boolean
  /** The map tells names (binlog_row_metadata=FULL), and so the key too. */
  readonly named: boolean
}

/** Reads the body of a table map. MariaDB counts geometry among the columns with a character set. Throws SOURCE_FAILED. */
export function readTableMap(body: Buffer, mariadb: boolean): TableMap {
  const tableId = tableIdOf(body)
  const cursor: Cursor = { buffer: body, at: 8 }
  const database = readName(cursor)
  const table = readName(cursor)
  const count = readPacked(cursor)
  const types = body.subarray(cursor.at, cursor.at + count)
  cursor.at += count
  const metadata = readPackedBytes(cursor)
  const shapes = readShapes(types, metadata, `${database}.${table}`)
  const nullable = body.subarray(cursor.at, cursor.at + ((count + 7) >> 3))
  cursor.at += nullable.length
  const more = readOptionalMetadata(
    body.subarray(cursor.at),
    shapes.map((shape) => shape.type),
    mariadb,
  )
  const columns = shapes.map(
    (shape, i): MappedColumn => ({
      ...shape,
      name: more.names?.[i] ?? '',
      nullable: (((nullable[i >> 3] as number) >> (i & 7)) & 1) === 1,
      unsigned: more.unsigned.get(i),
      collation: more.collations.get(i),
      labels: more.labels.get(i),
      invisible: more.invisible?.[i],
      geometryType: more.geometryTypes.get(i),
      dimensions: more.dimensions.get(i),
    }),
  )
  return { tableId, database, table, columns, key: more.key, mariadb, named: more.names?.length === count }
}

function readName(cursor: Cursor): string {
  const length = cursor.buffer.readUInt8(cursor.at)
  const from = cursor.at + 1
  cursor.at = from + length + 1
  return cursor.buffer.toString('utf8', from, from + length)
}

type Shape = Pick<MappedColumn, 'type' | 'length' | 'precision' | 'scale'>

function readShapes(types: Buffer, metadata: Buffer, table: string): Shape[] {
  const cursor: Cursor = { buffer: metadata, at: 0 }
  const shapes: Shape[] = []
  for (const type of types) {
    const read = SHAPES[type]
    if (read === undefined)
      throw new MillraceError('SOURCE_FAILED', {
        node: '?',
        reason: `column ${shapes.length + 1} of table ${table} has type ${type} in the binary log, which is not known: leave the table out`,
      })
    shapes.push(read(cursor, type))
  }
  return shapes
}

type ReadShape = (cursor: Cursor, type: number) => Shape

const shape = (type: number, length: number, precision = 0, scale = 0): Shape => ({ type, length, precision, scale })
const plain: ReadShape = (_, type) => shape(type, 0)
const byteLength: ReadShape = (cursor, type) => shape(type, cursor.buffer.readUInt8(cursor.at++))
const fraction: ReadShape = (cursor, type) => shape(type, 0, 0, cursor.buffer.readUInt8(cursor.at++))

function wordLength(cursor: Cursor, type: number): Shape {
  cursor.at += 2
  return shape(type, cursor.buffer.readUInt16LE(cursor.at - 2))
}

function decimalShape(cursor: Cursor, type: number): Shape {
  cursor.at += 2
  return shape(type, 0, cursor.buffer.readUInt8(cursor.at - 2), cursor.buffer.readUInt8(cursor.at - 1))
}

function bitShape(cursor: Cursor, type: number): Shape {
  cursor.at += 2
  return shape(type, cursor.buffer.readUInt8(cursor.at - 2) + 8 * cursor.buffer.readUInt8(cursor.at - 1))
}

/** The real type, and a length whose bits 8 and 9 are hidden, inverted, in bits 4 and 5 of the type. */
function stringShape(cursor: Cursor): Shape {
  const type = cursor.buffer.readUInt8(cursor.at)
  const length = cursor.buffer.readUInt8(cursor.at + 1)
  cursor.at += 2
  if ((type & 0x30) === 0x30) return shape(type, length)
  return shape(type | 0x30, length | (((type & 0x30) ^ 0x30) << 4))
}

const SHAPES: Readonly<Record<number, ReadShape>> = {
  [WireType.tiny]: plain,
  [WireType.short]: plain,
  [WireType.int24]: plain,
  [WireType.long]: plain,
  [WireType.longlong]: plain,
  [WireType.timestamp]: plain,
  [WireType.date]: plain,
  [WireType.time]: plain,
  [WireType.datetime]: plain,
  [WireType.year]: plain,
  [WireType.newDate]: plain,
  [WireType.float]: byteLength,
  [WireType.double]: byteLength,
  [WireType.blob]: byteLength,
  [WireType.tinyBlob]: byteLength,
  [WireType.mediumBlob]: byteLength,
  [WireType.longBlob]: byteLength,
  [WireType.blobCompressed]: byteLength,
  [WireType.geometry]: byteLength,
  [WireType.json]: byteLength,
  [WireType.vector]: byteLength,
  [WireType.timestamp2]: fraction,
  [WireType.datetime2]: fraction,
  [WireType.time2]: fraction,
  [WireType.varchar]: wordLength,
  [WireType.varcharCompressed]: wordLength,
  [WireType.newDecimal]: decimalShape,
  [WireType.bit]: bitShape,
  [WireType.enum]: stringShape,
  [WireType.set]: stringShape,
  [WireType.varString]: stringShape,
  [WireType.string]: stringShape,
}
