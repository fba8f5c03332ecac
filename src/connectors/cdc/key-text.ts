/** A string that is equal exactly for keys of the same types and values. */
export function keyText(key: readonly unknown[]): string {
  return JSON.stringify(key.map(partText))
}

function partText(value: unknown): string {
  if (value instanceof Uint8Array)
    return `b${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1')}`
  if (value instanceof Date) return `d${value.getTime()}`
  if (typeof value === 'object' && value !== null) {
    return `o${JSON.stringify(Object.entries(value).map(([name, part]) => [name, partText(part)]))}`
  }
  return `${typeof value}:${Object.is(value, -0) ? '-0' : String(value)}`
}
