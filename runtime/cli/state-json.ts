// Keys and values of state on a command line: JSON, and what JSON has no word for.

import type { Key } from '../../src/util/key-group.ts'
import { misuse } from './parse-arguments.ts'

/** A key as typed: JSON, in which 17n is a bigint. Throws CONFIG_INVALID. */
export function parseKey(text: string): Key {
  let parsed: unknown
  try {
    // Strings are stepped over: what looks like a bigint in one is none.
    const marked = text.replaceAll(/"(?:[^"\\]|\\.)*"|-?\d+n\b/g, (part) =>
      part.startsWith('"') ? part : `{"bigint":"${part.slice(0, -1)}"}`,
    )
    parsed = JSON.parse(marked)
  } catch {
    throw misuse(
      '--key',
      `expected JSON, got ${text} (a string has quotes of its own: --key '"${text.replaceAll('"', '')}"')`,
    )
  }
  return keyOf(parsed, text)
}

/** A value as JSON can say it: bigints as 17n in quotes, maps as lists of pairs, sets as lists, bytes as base64. */
export function plainValue(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString()
  if (value instanceof Map) return [...value].map(plainValue)
  if (value instanceof Set || Array.isArray(value)) return [...value].map(plainValue)
  if (ArrayBuffer.isView(value)) {
    return { base64: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') }
  }
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plainValue(part)]))
}

/** ISO 8601; undefined for what no calendar has. */
export function instant(ms: number): string | undefined {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString()
}

function keyOf(value: unknown, text: string): Key {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  if (Array.isArray(value)) return value.map((part) => keyOf(part, text))
  const bigint = (value as { readonly bigint?: unknown } | null)?.bigint
  if (typeof bigint === 'string') return BigInt(bigint)
  throw misuse('--key', `expected a string, number, bigint, boolean or a list of these, got ${text}`)
}
