import { isDecimal } from './decimal.ts'

/**
 * True if two values are equal as data: what remains equal when both are written and read back. Fields by name in any order, -0 as 0,
 * NaN as NaN, Decimals and dates by what they say; classes do not count, save for those that are data (Map, Set, Date, bytes, …).
 */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b || Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (isDecimal(a) || isDecimal(b)) return isDecimal(a) && isDecimal(b) && (a.eq(b) || (a.isNaN() && b.isNaN()))
  if (a instanceof Date || b instanceof Date) return a instanceof Date && b instanceof Date && sameTime(a, b)
  if (a instanceof RegExp || b instanceof RegExp) return a instanceof RegExp && b instanceof RegExp && sameRegExp(a, b)
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && sameList(a, b)
  if (ArrayBuffer.isView(a) || ArrayBuffer.isView(b))
    return ArrayBuffer.isView(a) && ArrayBuffer.isView(b) && sameBytes(a, b)
  if (a instanceof Map || b instanceof Map) return a instanceof Map && b instanceof Map && sameMap(a, b)
  if (a instanceof Set || b instanceof Set) return a instanceof Set && b instanceof Set && sameList([...a], [...b])
  return sameFields(a as Fields, b as Fields)
}

type Fields = Readonly<Record<string, unknown>>

function sameRegExp(a: RegExp, b: RegExp): boolean {
  return String(a) === String(b)
}

function sameTime(a: Date, b: Date): boolean {
  return Object.is(a.getTime(), b.getTime())
}

function sameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, index) => sameValue(value, b[index]))
}

function sameBytes(a: ArrayBufferView, b: ArrayBufferView): boolean {
  const left = Buffer.from(a.buffer, a.byteOffset, a.byteLength)
  return (
    Object.getPrototypeOf(a) === Object.getPrototypeOf(b) &&
    left.equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength))
  )
}

/** Entries in order: a map that was written is read back in the order it had. */
function sameMap(a: ReadonlyMap<unknown, unknown>, b: ReadonlyMap<unknown, unknown>): boolean {
  return sameList([...a], [...b])
}

function sameFields(a: Fields, b: Fields): boolean {
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && sameValue(a[name], b[name]))
  )
}
