import { JavaRandom } from './java-random.ts'

/** What an event is made from: draws that depend on the event's number only. */
export interface Draws {
  /** Begins the draws of event (or channel) `n`. */
  seed(n: number): void
  /** A whole number in [0, below). */
  int(below: number): number
  /** From 100 to 100 million cents, each order of magnitude as likely. */
  price(): number
}

const MAGNITUDES = 6

/** The draws of the reference generator, bit for bit. */
export class ExactDraws extends JavaRandom implements Draws {
  price(): number {
    const magnitude = this.next() * MAGNITUDES
    // The reference takes a power. `exp` takes half the time and differs in the last bits: that matters only next to a half.
    const near = Math.exp(magnitude * Math.LN10) * 100
    const price = Math.round(near)
    return Math.abs(near - price) < 0.4999 ? price : Math.round(10 ** magnitude * 100)
  }
}

/**
 * Draws of the same distributions, other ones for each seed, in less time: xorshift of 32 bits, and a price that is
 * right but for the last bits.
 */
export class FastDraws implements Draws {
  readonly #seed: number
  // Signed 32 bits always: a number beyond them would be put on the heap at each draw.
  #state = 1

  constructor(seed: number) {
    this.#seed = scramble(seed | 0)
  }

  seed(n: number): void {
    const high = Math.floor(n / 0x1_00_00_00_00) | 0
    // Xorshift stays at zero for ever, so that is left out.
    this.#state = scramble(Math.imul(n | 0, 0x9e3779b1) ^ this.#seed ^ scramble(high)) || 1
  }

  int(below: number): number {
    return ((this.#draw() >>> 8) * below * 2 ** -24) | 0
  }

  price(): number {
    return Math.round(Math.exp((this.#draw() >>> 0) * 2 ** -32 * MAGNITUDES * Math.LN10) * 100)
  }

  #draw(): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return x
  }
}

/** Spreads neighbouring numbers over all 32 bits. */
function scramble(value: number): number {
  const x = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  const y = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return y ^ (y >>> 16)
}
