// Events of a binary log: their header and checksum. What is behind the header is read elsewhere.

import { MillraceError } from '../../../errors.ts'
import { crc32 } from '../../../util/crc32.ts'

/** One event, as the server wrote it. */
export interface LogEvent {
  readonly type: number
  /** When its statement began, to the second. */
  readonly timestampMs: number
  readonly serverId: number
  /** Where the next event begins in the file; 0 in events made up for the dump, and where MariaDB leaves it out. */
  readonly end: number
  readonly flags: number
  /** Behind the header, without the checksum. */
  readonly body: Buffer
  /** Bytes of the whole event in the log. */
  readonly size: number
}

/** Types of events, of MySQL and (from 160 on) of MariaDB. */
export const EventType = {
  query: 2,
  stop: 3,
  rotate: 4,
  intvar: 5,
  appendBlock: 9,
  deleteFile: 11,
  rand: 13,
  userVar: 14,
  formatDescription: 15,
  xid: 16,
  beginLoadQuery: 17,
  executeLoadQuery: 18,
  tableMap: 19,
  writeRowsV1: 23,
  updateRowsV1: 24,
  deleteRowsV1: 25,
  incident: 26,
  heartbeat: 27,
  ignorable: 28,
  rowsQuery: 29,
  writeRows: 30,
  updateRows: 31,
  deleteRows: 32,
  gtid: 33,
  anonymousGtid: 34,
  previousGtids: 35,
  transactionContext: 36,
  viewChange: 37,
  xaPrepare: 38,
  partialUpdateRows: 39,
  transactionPayload: 40,
  heartbeatV2: 41,
  gtidTagged: 42,
  annotateRows: 160,
  binlogCheckpoint: 161,
  mariadbGtid: 162,
  mariadbGtidList: 163,
  startEncryption: 164,
  queryCompressed: 165,
  writeRowsCompressedV1: 166,
  updateRowsCompressedV1: 167,
  deleteRowsCompressedV1: 168,
  writeRowsCompressed: 169,
  updateRowsCompressed: 170,
  deleteRowsCompressed: 171,
} as const

const HEADER_BYTES = 19
const CHECKSUM_BYTES = 4
/** The CRC32 of any bytes followed by their own CRC32, little-endian. */
const RESIDUE = 0x2144df1c

/**
 * Reads an event from its header on. With `checksum` its CRC32 is checked; `file` is what an error calls its file.
 * Throws SOURCE_FAILED for an event that is damaged.
 */
export function readEvent(packet: Buffer, checksum: boolean, file = 'the binary log'): LogEvent {
  const tail = checksum ? CHECKSUM_BYTES : 0
  if (packet.length < HEADER_BYTES + tail) throw damaged(packet, file, `it has only ${packet.length} bytes`)
  const size = packet.readUInt32LE(9)
  if (checksum && crc32(packet) !== RESIDUE) throw damaged(packet, file, 'its CRC32 is not that of its bytes')
  if (size !== packet.length) throw damaged(packet, file, `it says ${size} bytes and has ${packet.length}`)
  return {
    type: packet[4] as number,
    timestampMs: packet.readUInt32LE(0) * 1000,
    serverId: packet.readUInt32LE(5),
    end: packet.readUInt32LE(13),
    flags: packet.readUInt16LE(17),
    body: packet.subarray(HEADER_BYTES, packet.length - tail),
    size,
  }
}

/** The table's number: in table maps, and in rows, which come after the map with this number. */
export function tableIdOf(body: Buffer): number {
  return body.readUIntLE(0, 6)
}

/** Whether these rows are the last of their statement: table maps before them count no more. */
export function endsStatement(rows: LogEvent): boolean {
  return (rows.body.readUInt16LE(6) & 1) !== 0
}

/** Whether an event holds rows: of any version, compressed or partial. */
export function isRows(type: number): boolean {
  return (
    (type >= EventType.writeRowsV1 && type <= EventType.deleteRowsV1) ||
    (type >= EventType.writeRows && type <= EventType.deleteRows) ||
    type === EventType.partialUpdateRows ||
    (type >= EventType.writeRowsCompressedV1 && type <= EventType.deleteRowsCompressed)
  )
}

function damaged(packet: Buffer, file: string, how: string): MillraceError {
  const end = packet.length < HEADER_BYTES ? 0 : packet.readUInt32LE(13)
  const place = end === 0 ? file : `${file}, position ${end - packet.length} (the event that ends at ${end})`
  const reason = `an event is damaged at ${place}: ${how}. On a network that lost a bit, starting again mends it; if it comes again here, the file is damaged on the server: look at it with mysqlbinlog --verify-binlog-checksum there, go on from a replica that has the log whole, or take the snapshot again with --fresh`
  return new MillraceError('SOURCE_FAILED', { node: '?', reason })
}
