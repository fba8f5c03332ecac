// A batch of records as one record of a SegmentLog, alike in the sender's and in the receiver's. Little endian.
//
//   0  u8   version, 1
//   1  u48  number of the first record in its stream
//   7  u32  how many records
//  11  u48  when the batch was closed, ms since 1970 by the sender's clock
//  17  …    the records, as the stream's record codec wrote them

const VERSION = 1
/** What an entry is longer by than its records. */
const ENTRY_HEADER_BYTES = 17

/** A batch as the logs of both ends keep it. */
export interface BatchEntry {
  /** Of the first record, in its stream, from 0. */
  readonly firstRecord: number
  readonly count: number
  /** When the batch was closed, by the sender's clock. */
  readonly atMs: number
  /** As the record codec wrote them, plain. */
  readonly records: Uint8Array
}

/** The bytes of an entry; the records are copied. */
export function encodeEntry(entry: BatchEntry): Buffer {
  const bytes = Buffer.allocUnsafe(ENTRY_HEADER_BYTES + entry.records.length)
  writeHeader(bytes, entry)
  bytes.set(entry.records, ENTRY_HEADER_BYTES)
  return bytes
}

/** The bytes of an entry that come before its records. */
export function encodeEntryHeader(entry: BatchEntry): Buffer {
  const bytes = Buffer.allocUnsafe(ENTRY_HEADER_BYTES)
  writeHeader(bytes, entry)
  return bytes
}

function writeHeader(bytes: Buffer, { firstRecord, count, atMs }: BatchEntry): void {
  bytes.writeUInt8(VERSION, 0)
  bytes.writeUIntLE(firstRecord, 1, 6)
  bytes.writeUInt32LE(count, 7)
  bytes.writeUIntLE(atMs, 11, 6)
}

/** The entry in these bytes; its records are a view of them. Throws Error if there is none of this version. */
export function decodeEntry(bytes: Uint8Array): BatchEntry {
  if (bytes.length < ENTRY_HEADER_BYTES)
    throw new Error(`a batch has at least ${ENTRY_HEADER_BYTES} bytes, not ${bytes.length}`)
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const version = view.readUInt8(0)
  if (version !== VERSION) throw new Error(`a batch of version ${version}; this release reads version ${VERSION}`)
  return {
    firstRecord: view.readUIntLE(1, 6),
    count: view.readUInt32LE(7),
    atMs: view.readUIntLE(11, 6),
    records: view.subarray(ENTRY_HEADER_BYTES),
  }
}
