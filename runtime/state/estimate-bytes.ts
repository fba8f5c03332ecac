const SAMPLE = 8
const DEPTH = 6
/** Objects with more fields are tables: of them too only a part is looked at. */
const FIELDS = 64

/** About how many bytes of heap a value takes. Looks at a few elements of each container only, so that it stays cheap. */
export function estimateBytes(value: unknown, depth = 0): number {
  switch (typeof value) {
    case 'number':
      return 16
    case 'string':
      return 24 + value.length
    case 'bigint':
      return 32
    case 'object':
      return value === null || depth > DEPTH ? 0 : estimateObject(value, depth + 1)
    default:
      return 0
  }
}

function estimateObject(value: object, depth: number): number {
  if (Array.isArray(value)) return 32 + value.length * 8 + elements(value, depth)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return fields(value, depth)
  if (ArrayBuffer.isView(value)) return 120 + value.byteLength
  if (value instanceof Map) {
    return 80 + value.size * 36 + sampled(value.keys(), value.size, depth) + sampled(value.values(), value.size, depth)
  }
  if (value instanceof Set) return 80 + value.size * 28 + sampled(value, value.size, depth)
  if (value instanceof Date) return 48
  return fields(value, depth)
}

// This is done at every first change of an entry: without iterators, and without a list of an object's values.

function elements(values: readonly unknown[], depth: number): number {
  const seen = Math.min(values.length, SAMPLE)
  let bytes = 0
  for (let i = 0; i < seen; i += 1) bytes += estimateBytes(values[i], depth)
  return seen === 0 ? 0 : (bytes * values.length) / seen
}

function fields(value: object, depth: number): number {
  let bytes = 0
  let seen = 0
  for (const name in value) {
    bytes += 8 + estimateBytes((value as Record<string, unknown>)[name], depth)
    if (++seen === FIELDS) return 24 + (bytes * Object.keys(value).length) / FIELDS
  }
  return 24 + bytes
}

function sampled(values: Iterable<unknown>, size: number, depth: number): number {
  let bytes = 0
  let seen = 0
  for (const value of values) {
    bytes += estimateBytes(value, depth)
    if (++seen === SAMPLE) break
  }
  return seen === 0 ? 0 : (bytes * size) / seen
}
