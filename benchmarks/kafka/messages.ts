// The records of the producing workloads: the same for every client.

/** Different values, so that a client cannot profit from writing one string again and again. */
const VALUES = 1024

/** Values of so many characters of a byte each. */
export function valuesOf(bytes: number): readonly string[] {
  return Array.from({ length: VALUES }, (_, i) =>
    `${i}:${'abcdefghijklmnopqrstuvwxyz'.repeat(bytes / 26 + 1)}`.slice(0, bytes),
  )
}

export function valueAt(values: readonly string[], i: number): string {
  return values[i % VALUES] as string
}

/** Each of `keys` keys once, and then again in another order; null where there are none. */
export function messageKeyAt(i: number, keys: number): string | null {
  return keys === 0 ? null : `key-${i < keys ? i : (Math.imul(i, 0x9e3779b1) >>> 0) % keys}`
}
