import type { Key } from '../../src/util/key-group.ts'

const RANK: Readonly<Record<string, number>> = { number: 0, string: 1, bigint: 2, boolean: 3, object: 4 }

/** A total order of keys: 0 for keys that are the same key, and for no others. -0 is 0. */
export function compareKeys(a: Key, b: Key): number {
  if (a === b) return 0
  const type = typeof a
  if (type !== typeof b) return (RANK[type] as number) - (RANK[typeof b] as number)
  if (type === 'object') return compareParts(a as readonly Key[], b as readonly Key[])
  return a < b ? -1 : 1
}

/** Whether both are the same key: what compareKeys() says, quickly. */
export function sameKey(a: Key, b: Key): boolean {
  return a === b || (typeof a === 'object' && compareKeys(a, b) === 0)
}

function compareParts(a: readonly Key[], b: readonly Key[]): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i += 1) {
    const order = compareKeys(a[i] as Key, b[i] as Key)
    if (order !== 0) return order
  }
  return a.length - b.length
}
