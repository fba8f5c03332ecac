import { describe, expect, it } from 'vitest'
import {
  EventType,
  endsStatement,
  isRows,
  readEvent,
  tableIdOf,
} from '../../../../../src/connectors/mysql/log/event.ts'
import { MARIADB, MYSQL } from './recorded.ts'

const damaged = (reason: RegExp) =>
  expect.objectContaining({ code: 'SOURCE_FAILED', message: expect.stringMatching(reason) })

describe('readEvent', () => {
  it('reads the header, and the body without the checksum', () => {
    const event = readEvent(MYSQL.insert, true)
    expect(event).toMatchObject({
      type: EventType.writeRows,
      timestampMs: 1_795_250_355_000,
      serverId: 13_306,
      end: 589_402_664,
      flags: 0,
      size: 78,
    })
    expect(event.body.equals(MYSQL.insert.subarray(19, -4))).toBe(true)
    expect(tableIdOf(event.body)).toBe(333)
    expect(endsStatement(event)).toBe(true)
  })

  it('without checksums the body goes to the end', () => {
    const bare = Buffer.from(MARIADB.insert.subarray(0, -4))
    bare.writeUInt32LE(bare.length, 9)
    expect(readEvent(bare, false).body.equals(bare.subarray(19))).toBe(true)
  })

  it('any bit that flips is found', () => {
    for (let bit = 0; bit < MYSQL.insert.length * 8; bit += 1) {
      const packet = Buffer.from(MYSQL.insert)
      packet[bit >> 3] = (packet[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(() => readEvent(packet, true), `bit ${bit}`).toThrow(damaged(/its CRC32 is not that of its bytes/))
    }
  })

  it('the error names file and position, and what to do', () => {
    const packet = Buffer.from(MYSQL.insert)
    packet[40] = 0
    expect(() => readEvent(packet, true, 'binlog.000007')).toThrow(
      damaged(/binlog\.000007, position 589402586 .*mysqlbinlog --verify-binlog-checksum.*--fresh/),
    )
  })

  it.each([0, 18, 22])('an event of %i bytes is damaged', (bytes) => {
    expect(() => readEvent(MYSQL.insert.subarray(0, bytes), true)).toThrow(damaged(/it has only/))
  })

  it('an event whose length is not what it says is damaged', () => {
    expect(() => readEvent(MYSQL.insert.subarray(0, -1), false)).toThrow(damaged(/it says 78 bytes and has 77/))
  })
})

it('isRows knows rows of every version', () => {
  const rows = Object.entries(EventType).filter(([, type]) => isRows(type))
  expect(rows.map(([name]) => name)).toEqual(
    Object.keys(EventType).filter(
      (name) => /Rows(Compressed)?(V1)?$/.test(name) && !/^(rowsQuery|annotateRows)$/.test(name),
    ),
  )
})
