import { decimalReader } from './decimal.ts'
import { packedDatetimeText, packedTimeText } from './temporal.ts'
import { WireType } from './wire-type.ts'

/** Bytes of base64 in a line: the server breaks it, and prints the break. */
const LINE = 76

/** A value inside JSON that JSON has no type for: a decimal is a number, dates and times are text, all else is its bytes and its type. */
export function opaqueJson(type: number, buffer: Buffer, from: number, to: number): string {
  switch (type) {
    case WireType.newDecimal:
      return decimalReader(buffer.readUInt8(from), buffer.readUInt8(from + 1))({ buffer, at: from + 2 })
    case WireType.date:
      return `"${packedDatetimeText(buffer, from, true)}"`
    case WireType.datetime:
    case WireType.timestamp:
      return `"${packedDatetimeText(buffer, from, false)}"`
    case WireType.time:
      return `"${packedTimeText(buffer, from)}"`
    default:
      return `"base64:type${type}:${base64(buffer.toString('base64', from, to))}"`
  }
}

function base64(text: string): string {
  if (text.length <= LINE) return text
  return (text.match(/.{1,76}/g) as string[]).join('\\n')
}
