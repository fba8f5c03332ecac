import { Decimal, isDecimal } from '../util/decimal.ts'
import type { ValueCodec } from './value-codec.ts'

/**
 * JSON in UTF-8: readable with any tool, for plain data. A value that JSON has no text for (undefined, a function) is refused. Decimals
 * and bigints, of which JSON has none, are kept as `{"$decimal":"1.50"}` and `{"$bigint":"9007199254740993"}`.
 */
// biome-ignore lint/suspicious/noExplicitAny: one object is the codec of every type
export const jsonCodec: ValueCodec<any> = {
  name: 'json',
  version: 1,
  encode(value) {
    const text = JSON.stringify(holdsTagged(value) ? tagged(value) : value) as string | undefined
    if (text === undefined) throw new TypeError(`JSON has no text for ${typeof value}`)
    return Buffer.from(text)
  },
  decode(bytes) {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
    // Nearly no text has tags, and a reviver makes parsing several times slower.
    return text.includes(TAG_START) ? JSON.parse(text, untagged) : JSON.parse(text)
  },
}

const TAG_START = '{"$'
/** One more $ in front for an object that looks like a tag, or like one that was marked so. */
const TAG = /^\$+(decimal|bigint)$/

/** True if there is something that JSON would lose or that looks like a tag. */
function holdsTagged(value: unknown): boolean {
  if (typeof value === 'bigint') return true
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.some(holdsTagged)
  if (isDecimal(value) || tagOf(value) !== undefined) return true
  for (const name in value) if (holdsTagged((value as Record<string, unknown>)[name])) return true
  return false
}

/** A copy with tags. */
function tagged(value: unknown): unknown {
  if (typeof value === 'bigint') return { $bigint: String(value) }
  if (typeof value !== 'object' || value === null) return value
  if (isDecimal(value)) return { $decimal: value.valueOf() }
  if (Array.isArray(value)) return value.map(tagged)
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return value
  const tag = tagOf(value)
  const prefix = tag === undefined ? '' : '$'
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [prefix + name, tagged(item)]))
}

function untagged(this: unknown, _name: string, value: unknown): unknown {
  const tag = typeof value === 'object' && value !== null ? tagOf(value) : undefined
  if (tag === undefined) return value
  const held = (value as Record<string, unknown>)[tag]
  if (tag === '$decimal') return new Decimal(String(held))
  return tag === '$bigint' ? BigInt(String(held)) : { [tag.slice(1)]: held }
}

/** The only name of an object, if it is that of a tag. */
function tagOf(value: object): string | undefined {
  const names = Object.keys(value)
  const [name] = names
  return names.length === 1 && name !== undefined && TAG.test(name) ? name : undefined
}
