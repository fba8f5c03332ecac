const SAMPLE = 8
const DEPTH = 6

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
  if (Array.isArray(value)) return 32 + value.length * 8 + sampled(value, value.length, depth)
  if (ArrayBuffer.isView(value)) return 120 + value.byteLength
  if (value instanceof Map) {
    return 80 + value.size * 36 + sampled(value.keys(), value.size, depth) + sampled(value.values(), value.size, depth)
  }
  if (value instanceof Set) return 80 + value.size * 28 + sampled(value, value.size, depth)
  if (value instanceof Date) return 48
  const fields = Object.values(value)
  return 24 + fields.length * 8 + sampled(fields, fields.length, depth)
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
