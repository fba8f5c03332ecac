// JavaRandom: the generator of java.util.Random, draw by draw.
//
// Owns: its 48 bits of state.
// Does not own: what the draws mean.
//
// I1. The state is kept in two halves of 24 bits, so that every product is exact in a double or wanted modulo 2^32 only:
//     no bigint is made, however many draws there are.

// The multiplier 0x5DEECE66D, in halves.
const MULTIPLIER_HIGH = 0x5de
const MULTIPLIER_LOW = 0xece66d
const INCREMENT = 0xb
const HALF = 0x1_00_00_00
const HALF_MASK = HALF - 1
const INT_MAX = 0x7f_ff_ff_ff

/** Draws what java.util.Random draws from the same seed: `int` is its nextInt(bound), `next` its nextDouble(). */
export class JavaRandom {
  #high = 0
  #low = 0

  /** Begins anew. Any whole number that is exact. */
  seed(value: number): void {
    this.#high = (Math.floor(value / HALF) ^ MULTIPLIER_HIGH) & HALF_MASK
    this.#low = (value ^ MULTIPLIER_LOW) & HALF_MASK
  }

  int(below: number): number {
    this.#step()
    let bits = this.#bits31()
    if ((below & (below - 1)) === 0) return bits >>> Math.clz32(below)
    // The last, incomplete round of `below` numbers is drawn again: it would favour the small ones.
    let drawn = bits % below
    while (bits - drawn + (below - 1) > INT_MAX) {
      this.#step()
      bits = this.#bits31()
      drawn = bits % below
    }
    return drawn
  }

  next(): number {
    this.#step()
    const first26 = (this.#high << 2) | (this.#low >>> 22)
    this.#step()
    const last27 = (this.#high << 3) | (this.#low >>> 21)
    return (first26 * 0x8_00_00_00 + last27) / 0x20_00_00_00_00_00_00
  }

  #bits31(): number {
    return (this.#high << 7) | (this.#low >>> 17)
  }

  #step(): void {
    const low = this.#low
    // At most 2^48, so exact; its upper half is carried.
    const product = low * MULTIPLIER_LOW + INCREMENT
    const carry = (product / HALF) | 0
    this.#high = (Math.imul(this.#high, MULTIPLIER_LOW) + Math.imul(low, MULTIPLIER_HIGH) + carry) & HALF_MASK
    this.#low = (Math.imul(low, MULTIPLIER_LOW) + INCREMENT) & HALF_MASK
  }
}
