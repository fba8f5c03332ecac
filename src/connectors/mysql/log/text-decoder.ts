// Text from bytes, for the character sets that need nothing of the server, and for those of single bytes by a table.

/** The text of the bytes from `from` up to `to`. */
export type DecodeText = (buffer: Buffer, from: number, to: number) => string

/** utf8mb4, utf8mb3. */
export function decodeUtf8(buffer: Buffer, from: number, to: number): string {
  return buffer.toString('utf8', from, to)
}

/** utf16: big-endian. */
export function decodeUtf16(buffer: Buffer, from: number, to: number): string {
  return Buffer.from(buffer.subarray(from, to)).swap16().toString('utf16le')
}

/** What a driver reads in the three bytes of UTF-8 that the server sends for half a pair. */
const HALF = '\ufffd\ufffd\ufffd'

/** ucs2: utf16 that has no pairs, only halves. */
export function decodeUcs2(buffer: Buffer, from: number, to: number): string {
  return decodeUtf16(buffer, from, to).replaceAll(/[\ud800-\udfff]/g, HALF)
}

/** utf16le. */
export function decodeUtf16le(buffer: Buffer, from: number, to: number): string {
  return buffer.toString('utf16le', from, to)
}

/** utf32: big-endian. */
export function decodeUtf32(buffer: Buffer, from: number, to: number): string {
  const points: number[] = []
  for (let at = from; at < to; at += 4) points.push(buffer.readUInt32BE(at))
  return textOf(points).replaceAll(/\p{Surrogate}/gu, HALF)
}

/** A character set of single bytes; `characters` are those of its 256 bytes. */
export function singleByteDecoder(characters: string): DecodeText {
  const points = Array.from(characters, (character) => character.codePointAt(0) as number)
  const asciiAlike = points.slice(0, 128).every((point, byte) => point === byte)
  return (buffer, from, to) => {
    if (asciiAlike && isAscii(buffer, from, to)) return buffer.toString('latin1', from, to)
    const text: number[] = []
    for (let at = from; at < to; at += 1) text.push(points[buffer[at] as number] as number)
    return textOf(text)
  }
}

/** Text of code points, however many. */
export function textOf(points: readonly number[]): string {
  if (points.length <= POINTS_AT_ONCE) return String.fromCodePoint(...points)
  let text = ''
  for (let i = 0; i < points.length; i += POINTS_AT_ONCE)
    text += String.fromCodePoint(...points.slice(i, i + POINTS_AT_ONCE))
  return text
}

/** Arguments of a call are kept on the stack. */
const POINTS_AT_ONCE = 4096

function isAscii(buffer: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) if ((buffer[at] as number) > 0x7f) return false
  return true
}
