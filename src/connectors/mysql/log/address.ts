// MariaDB's types of fixed bytes, as the server prints them. Zeros at the end are not in the log.

function bytesOf(buffer: Buffer, from: number, to: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  buffer.copy(bytes, 0, from, to)
  return bytes
}

/** UUID */
export function uuidText(buffer: Buffer, from: number, to: number): string {
  const hex = bytesOf(buffer, from, to, 16).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** INET4 */
export function inet4Text(buffer: Buffer, from: number, to: number): string {
  return bytesOf(buffer, from, to, 4).join('.')
}

/** INET6: the first of the longest runs of zeros is left out, be it of one; an address of version 4 within is printed as such. */
export function inet6Text(buffer: Buffer, from: number, to: number): string {
  const bytes = bytesOf(buffer, from, to, 16)
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2))
  const [start, length] = longestZeros(groups)
  if (start === 0 && length === 6) return `::${bytes.subarray(12).join('.')}`
  if (start === 0 && length === 5 && groups[5] === 0xffff) return `::ffff:${bytes.subarray(12).join('.')}`
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':')
  if (length === 0) return hex(groups)
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
