/** A place in the bytes of an event: what reads a value leaves it behind the value. */
export interface Cursor {
  buffer: Buffer
  at: number
}

/** A packed integer: one byte, or 0xfc, 0xfd, 0xfe and two, three or eight. */
export function readPacked(cursor: Cursor): number {
  const { buffer, at } = cursor
  const first = buffer.readUInt8(at)
  if (first < 0xfb) {
    cursor.at = at + 1
    return first
  }
  if (first === 0xfc) {
    cursor.at = at + 3
    return buffer.readUInt16LE(at + 1)
  }
  if (first === 0xfd) {
    cursor.at = at + 4
    return buffer.readUIntLE(at + 1, 3)
  }
  cursor.at = at + 9
  return Number(buffer.readBigUInt64LE(at + 1))
}

/** The bytes of a string behind its packed length: a view, not a copy. */
export function readPackedBytes(cursor: Cursor): Buffer {
  const length = readPacked(cursor)
  const from = cursor.at
  cursor.at = from + length
  return cursor.buffer.subarray(from, cursor.at)
}
