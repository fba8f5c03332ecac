/** Random numbers as everything in Millrace draws them: seeded, so that a run can be repeated. */
export interface Rng {
  /** In [0, 1). */
  next(): number
  /** A whole number in [0, below). */
  int(below: number): number
}

/** Mulberry32: small, fast, good enough for tests, jitter and generated data; not for secrets. */
export function seededRng(seed: number): Rng {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  return { next, int: (below) => Math.floor(next() * below) }
}
