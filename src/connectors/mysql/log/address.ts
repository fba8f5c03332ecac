// MariaDB's types of fixed bytes, as the server prints them. Bytes at the end that are zero are not in the log.

function bytesOf(buffer: Buffer, from: number, to: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  buffer.copy(bytes, 0, from, to)
  return bytes
}

/** UUID: versions 1 to 5 are stored with their groups in reverse order, so that those of one time are neighbours. */
export function uuidText(buffer: Buffer, from: number, to: number): string {
  const bytes = bytesOf(buffer, from, to, 16)
  const isReversed = ((bytes[6] as number) & 0x80) !== 0 && (bytes[8] as number) > 0 && (bytes[8] as number) < 0x60
  const groups = isReversed ? REVERSED : PLAIN
  return groups.map(([start, end]) => bytes.toString('hex', start, end)).join('-')
}

const PLAIN = [
  [0, 4],
  [4, 6],
  [6, 8],
  [8, 10],
  [10, 16],
] as const

const REVERSED = [
  [12, 16],
  [10, 12],
  [8, 10],
  [6, 8],
  [0, 6],
] as const

/** INET4 */
export function inet4Text(buffer: Buffer, from: number, to: number): string {
  return bytesOf(buffer, from, to, 4).join('.')
}

/** INET6: the longest run of zeros is left out, the first of several; addresses of version 4 within are printed as such. */
export function inet6Text(buffer: Buffer, from: number, to: number): string {
  const bytes = bytesOf(buffer, from, to, 16)
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2))
  const [start, length] = longestZeros(groups)
  const isMapped = start === 0 && length === 5 && groups[5] === 0xffff
  const isCompatible = start === 0 && length === 6
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':')
  if (isMapped || isCompatible) return `::${isMapped ? 'ffff:' : ''}${bytes.subarray(12).join('.')}`
  if (length < 2) return hex(groups)
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`
}

function longestZeros(groups: readonly number[]): [start: number, length: number] {
  let longest: [number, number] = [0, 0]
  for (let start = 0; start < groups.length; start += 1) {
    let end = start
    while (groups[end] === 0) end += 1
    if (end - start > longest[1]) longest = [start, end - start]
  }
  return longest
}
