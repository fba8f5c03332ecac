// Rows of an event, by the table map before them.
//
//   table id 6 · flags 2 · [version 2: length 2 of it and what follows, more] · columns (packed) · a bit for each column that is present
//   (of updates: before, then after) · for each image of a row: a bit for each column that is NULL, the values
//
// Owns: the cursor of the event that is being decoded.
// I1. Values are their own: nothing of an event is referred to after decode().

import { inflateSync } from 'node:zlib'
import { MillraceError, reasonOf } from '../../../errors.ts'
import { type MysqlTable, type MysqlValue, tableName } from '../column.ts'
import type { TextDecoders } from './charsets.ts'
import { columnReaders, type ReadValue } from './column-readers.ts'
import { type Cursor, readPacked } from './cursor.ts'
import { EventType, type LogEvent } from './event.ts'
import type { TableMap } from './table-map.ts'

/** What an event of rows holds. */
interface RowsKind {
  readonly before: boolean
  readonly after: boolean
  /** There is more between flags and columns. */
  readonly extra: boolean
  readonly compressed: boolean
}

const kind = (images: 'before' | 'after' | 'both', extra: boolean, compressed = false): RowsKind => ({
  before: images !== 'after',
  after: images !== 'before',
  extra,
  compressed,
})

const KINDS: Readonly<Record<number, RowsKind>> = {
  [EventType.writeRowsV1]: kind('after', false),
  [EventType.updateRowsV1]: kind('both', false),
  [EventType.deleteRowsV1]: kind('before', false),
  [EventType.writeRows]: kind('after', true),
  [EventType.updateRows]: kind('both', true),
  [EventType.deleteRows]: kind('before', true),
  [EventType.writeRowsCompressedV1]: kind('after', false, true),
  [EventType.updateRowsCompressedV1]: kind('both', false, true),
  [EventType.deleteRowsCompressedV1]: kind('before', false, true),
  [EventType.writeRowsCompressed]: kind('after', true, true),
  [EventType.updateRowsCompressed]: kind('both', true, true),
  [EventType.deleteRowsCompressed]: kind('before', true, true),
}

/** Told of each row: of an insert before is null, of a delete after is. */
export type RowReceiver = (before: MysqlValue[] | null, after: MysqlValue[] | null) => void

export class RowsDecoder {
  readonly #table: string
  readonly #readers: readonly ReadValue[]
  readonly #cursor: Cursor = { buffer: Buffer.alloc(0), at: 0 }

  /** `table` has the map's columns, in order. Throws SOURCE_FAILED or SCHEMA_MISMATCH for a column that cannot be read. */
  constructor(map: TableMap, table: MysqlTable, texts: TextDecoders) {
    this.#table = tableName(map.database, map.table)
    this.#readers = columnReaders(map, table, texts)
  }

  /**
   * Fresh arrays in column order. Throws SCHEMA_MISMATCH for rows that are not told in full, SOURCE_FAILED for rows that are not those
   * of the map.
   */
  decode(event: LogEvent, row: RowReceiver): void {
    const rows = KINDS[event.type]
    if (rows === undefined) throw this.#notFull('binlog_row_value_options', "''", 'parts of JSON documents')
    const cursor = this.#cursor
    cursor.buffer = event.body
    try {
      this.#open(rows)
    } catch (error) {
      throw this.#damaged(event, error)
    }
    const end = cursor.buffer.length
    while (cursor.at < end) {
      let before: MysqlValue[] | null = null
      let after: MysqlValue[] | null = null
      try {
        if (rows.before) before = this.#image()
        if (rows.after) after = this.#image()
        if (cursor.at > end) throw new RangeError(`${cursor.at - end} bytes are missing`)
      } catch (error) {
        throw this.#damaged(event, error)
      }
      row(before, after)
    }
  }

  /** Leaves the cursor at the first row. */
  #open(rows: RowsKind): void {
    const cursor = this.#cursor
    cursor.at = 8
    if (rows.extra) cursor.at += cursor.buffer.readUInt16LE(8)
    const columns = readPacked(cursor)
    if (columns !== this.#readers.length) throw new RangeError(`${columns} columns instead of ${this.#readers.length}`)
    if (rows.before) this.#requireAll()
    if (rows.after) this.#requireAll()
    if (!rows.compressed) return
    cursor.buffer = inflate(cursor.buffer, cursor.at)
    cursor.at = 0
  }

  #requireAll(): void {
    const { buffer, at } = this.#cursor
    const columns = this.#readers.length
    for (let i = 0; i < columns; i += 1)
      if (((buffer.readUInt8(at + (i >> 3)) >> (i & 7)) & 1) === 0)
        throw this.#notFull('binlog_row_image', "'FULL'", 'parts of rows')
    this.#cursor.at = at + ((columns + 7) >> 3)
  }

  #image(): MysqlValue[] {
    const readers = this.#readers
    const columns = readers.length
    const cursor = this.#cursor
    const { buffer } = cursor
    const nulls = cursor.at
    cursor.at = nulls + ((columns + 7) >> 3)
    const values = new Array<MysqlValue>(columns)
    for (let i = 0; i < columns; i += 1) {
      const isNull = ((buffer[nulls + (i >> 3)] as number) & (1 << (i & 7))) !== 0
      values[i] = isNull ? null : (readers[i] as ReadValue)(cursor)
    }
    return values
  }

  #notFull(variable: string, value: string, what: string): MillraceError {
    const reason = `the binary log holds only ${what}: SET GLOBAL ${variable} = ${value} on the server, let all sessions connect again, then take the snapshot again with --fresh`
    return new MillraceError('SCHEMA_MISMATCH', { table: this.#table, reason })
  }

  #damaged(event: LogEvent, cause: unknown): MillraceError {
    if (cause instanceof MillraceError) return cause
    const reason = `rows of table ${this.#table} that end at position ${event.end} of the binary log are not what its table map says (${reasonOf(cause)}): the log is damaged; take the snapshot again with --fresh`
    return new MillraceError('SOURCE_FAILED', { node: '?', reason }, cause)
  }
}

/** MariaDB's compressed part of an event: a byte, whose lower three bits are the bytes of the length that follows; zlib. */
function inflate(buffer: Buffer, at: number): Buffer {
  const header = buffer.readUInt8(at)
  if ((header & 0xf0) !== 0x80) throw new RangeError(`an event compressed by method ${header >> 4}`)
  return inflateSync(buffer.subarray(at + 1 + (header & 7)))
}
