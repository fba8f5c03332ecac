/** Random numbers as everything in Millrace draws them: seeded, so that a run can be repeated. */
export interface Rng {
  /** In [0, 1). */
  next(): number
  /** A whole number in [0, below). */
  int(below: number): number
}

/** Mulberry32: small, fast, good enough for tests, jitter and generated data; not for secrets. */
export function seededRng(seed: number): Rng {
  return new Mulberry(seed)
}

/** A generator that can be set to the numbers of a place in a stream: the same for (seed, index), whatever was drawn before. */
export interface IndexedRng extends Rng {
  at(index: number): void
}

/** One object for a whole stream of records, so that drawing for each of them allocates nothing. */
export function indexedRng(seed: number): IndexedRng {
  return new Mulberry(seed)
}

class Mulberry implements IndexedRng {
  readonly #seed: number
  // Signed 32 bits always: a number beyond them would be put on the heap at each draw.
  #state: number

  constructor(seed: number) {
    this.#seed = seed
    this.#state = seed | 0
  }

  at(index: number): void {
    // Neighbouring indexes must not begin with neighbouring states: their streams would overlap.
    const high = Math.floor(index / 0x1_0000_0000)
    this.#state = scramble(scramble(scramble(this.#seed | 0) ^ (index | 0)) ^ high)
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  int(below: number): number {
    return Math.floor(this.next() * below)
  }
}

function scramble(value: number): number {
  let x = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return x ^ (x >>> 16)
}
