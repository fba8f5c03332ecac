import { deflateSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { MysqlValue } from '../../../../../src/connectors/mysql/column.ts'
import { EventType, type LogEvent, readEvent } from '../../../../../src/connectors/mysql/log/event.ts'
import { tableOfMap } from '../../../../../src/connectors/mysql/log/mapped-table.ts'
import { RowsDecoder } from '../../../../../src/connectors/mysql/log/rows-decoder.ts'
import { readTableMap } from '../../../../../src/connectors/mysql/log/table-map.ts'
import { charsets, MARIADB, MYSQL, ROWS, withBody } from './recorded.ts'

function decoderOf(packet: Buffer, mariadb: boolean): RowsDecoder {
  const map = readTableMap(readEvent(packet, true).body, mariadb)
  return new RowsDecoder(map, tableOfMap(map, undefined, { charsets, mariadb }), charsets)
}

function decode(decoder: RowsDecoder, event: LogEvent): (MysqlValue[] | null)[][] {
  const rows: (MysqlValue[] | null)[][] = []
  decoder.decode(event, (before, after) => rows.push([before, after]))
  return rows
}

const INSERTS = [
  [null, ROWS.first],
  [null, ROWS.second],
]
const DELETES = [
  [ROWS.second, null],
  [ROWS.updated, null],
]

/** As MariaDB writes it with log_bin_compress: all behind the bits of the columns that are there. */
function compressed(packet: Buffer, bitmaps: number, type: number): LogEvent {
  const { body } = readEvent(packet, true)
  const head = 9 + bitmaps
  const rows = body.subarray(head)
  const packed = Buffer.concat([body.subarray(0, head), Buffer.from([0x81, rows.length]), deflateSync(rows)])
  return withBody(packet, packed, type)
}

describe.each([
  ['version 2, of MySQL', MYSQL, false],
  ['version 1, of MariaDB', MARIADB, true],
] as const)('rows of %s', (_, recorded, mariadb) => {
  const decoder = decoderOf(recorded.map, mariadb)

  it('are decoded: inserts, updates, deletes', () => {
    expect(decode(decoder, readEvent(recorded.insert, true))).toEqual(INSERTS)
    expect(decode(decoder, readEvent(recorded.update, true))).toEqual([[ROWS.first, ROWS.updated]])
    expect(decode(decoder, readEvent(recorded.delete, true))).toEqual(DELETES)
  })

  it('values stay what they are when the bytes of the event are used again', () => {
    const event = readEvent(Buffer.from(recorded.insert), true)
    const rows = decode(decoder, event)
    event.body.fill(0xee)
    expect(rows).toEqual(INSERTS)
  })

  it('rows that end too early, or too late, are damaged', () => {
    const { body } = readEvent(recorded.insert, true)
    for (let bytes = 0; bytes < body.length; bytes += 1) {
      const rows: unknown[] = []
      const told = (): unknown =>
        decoder.decode(withBody(recorded.insert, body.subarray(0, bytes)), (...row) => rows.push(row))
      try {
        told()
        // Cut between rows: these are whole.
        expect(rows.length).toBeLessThan(2)
      } catch (error) {
        expect(error).toMatchObject({ code: 'SOURCE_FAILED' })
      }
      expect(INSERTS.slice(0, rows.length)).toEqual(rows)
    }
    const longer = withBody(recorded.insert, Buffer.concat([body, Buffer.from([0])]))
    expect(() => decode(decoder, longer)).toThrow(/table h1\.t .* are not what its table map says/)
  })

  it('what the receiver throws comes out as it is', () => {
    const error = new RangeError('mine')
    const thrower = (): void => {
      throw error
    }
    expect(() => decoder.decode(readEvent(recorded.insert, true), thrower)).toThrow(error)
  })

  it('rows that leave columns out are refused, whichever', () => {
    const { body } = readEvent(recorded.insert, true)
    const at = body.indexOf(Buffer.from([7, mariadb ? 0x7f : 0xff])) + 1
    for (let column = 0; column < 7; column += 1) {
      const part = Buffer.from(body)
      part[at] = (part[at] as number) & ~(1 << column)
      expect(() => decode(decoder, withBody(recorded.insert, part))).toThrow(
        expect.objectContaining({
          code: 'SCHEMA_MISMATCH',
          message: expect.stringMatching(/SET GLOBAL binlog_row_image = 'FULL'/),
        }),
      )
    }
  })

  it('rows of another number of columns are refused', () => {
    const body = Buffer.from(readEvent(recorded.insert, true).body)
    body[body.indexOf(Buffer.from([7, mariadb ? 0x7f : 0xff]))] = 6
    expect(() => decode(decoder, withBody(recorded.insert, body))).toThrow(/6 columns instead of 7/)
  })

  it('rows of parts of JSON documents are refused', () => {
    const event = { ...readEvent(recorded.update, true), type: EventType.partialUpdateRows }
    expect(() => decode(decoder, event)).toThrow(/SET GLOBAL binlog_row_value_options = ''/)
  })
})

describe('compressed rows of MariaDB', () => {
  const decoder = decoderOf(MARIADB.map, true)

  it('are decoded', () => {
    const types = EventType
    expect(decode(decoder, compressed(MARIADB.insert, 1, types.writeRowsCompressedV1))).toEqual(INSERTS)
    const update = compressed(MARIADB.update, 2, types.updateRowsCompressedV1)
    expect(decode(decoder, update)).toEqual([[ROWS.first, ROWS.updated]])
    expect(decode(decoder, compressed(MARIADB.delete, 1, types.deleteRowsCompressedV1))).toEqual(DELETES)
  })

  it('that cannot be inflated are damaged', () => {
    const event = compressed(MARIADB.insert, 1, EventType.writeRowsCompressedV1)
    event.body.fill(0, 14)
    expect(() => decode(decoder, event)).toThrow(expect.objectContaining({ code: 'SOURCE_FAILED' }))
    const other = compressed(MARIADB.insert, 1, EventType.writeRowsCompressedV1)
    other.body[10] = 0x91
    expect(() => decode(decoder, other)).toThrow(/compressed by method 9/)
  })
})
