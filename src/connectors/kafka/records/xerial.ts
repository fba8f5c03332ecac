// Snappy as Java's clients write it: blocks with their lengths behind a header, rather than one block.

const MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])

/** The magic, a version and the lowest version that can read it. */
const HEADER_BYTES = 16

/** What the bytes hold, with or without Java's frame. Throws RangeError for a frame that is cut short. */
export function unframed(bytes: Buffer, uncompress: (block: Buffer) => Buffer): Buffer {
  if (bytes.length < HEADER_BYTES || bytes.compare(MAGIC, 0, MAGIC.length, 0, MAGIC.length) !== 0)
    return uncompress(bytes)
  const blocks: Buffer[] = []
  for (let at = HEADER_BYTES; at < bytes.length; ) {
    const length = at + 4 <= bytes.length ? bytes.readInt32BE(at) : -1
    const end = at + 4 + length
    if (length < 0 || end > bytes.length) throw new RangeError('a snappy block reaches behind the end of its batch')
    blocks.push(uncompress(bytes.subarray(at + 4, end)))
    at = end
  }
  return blocks.length === 1 ? (blocks[0] as Buffer) : Buffer.concat(blocks)
}
