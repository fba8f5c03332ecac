import { isUtf8 } from 'node:buffer'

/** The text of bytes in UTF-8. Throws where they are not: such bytes would be lost. */
export function utf8Text(bytes: Buffer, what: string): string {
  const text = bytes.toString('utf8')
  // What is no UTF-8 becomes this character, which texts hardly ever have.
  if (text.includes('\uFFFD') && !isUtf8(bytes)) throw new Error(`${what} is not UTF-8`)
  return text
}

/** The same text. Throws where half a surrogate pair stands alone, which UTF-8 has no bytes for. */
export function wellFormed(text: string, what: string): string {
  if (/\p{Surrogate}/u.test(text)) throw new Error(`${what} holds half a surrogate pair, which UTF-8 has no bytes for`)
  return text
}
