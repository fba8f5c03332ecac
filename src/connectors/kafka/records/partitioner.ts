// Which partition a key goes to: as Java's default partitioner has it, so that others who write the topic agree.

const SEED = 0x9747b28c
const M = 0x5bd1e995

/** Murmur2 of Java's client, a signed number of 32 bits, of the first `length` bytes. */
export function murmur2(bytes: Uint8Array, length: number = bytes.length): number {
  let h = SEED ^ length
  const whole = length & ~3
  for (let i = 0; i < whole; i += 4) {
    const k = Math.imul(at(bytes, i) | (at(bytes, i + 1) << 8) | (at(bytes, i + 2) << 16) | (at(bytes, i + 3) << 24), M)
    h = Math.imul(h, M) ^ Math.imul(k ^ (k >>> 24), M)
  }
  const rest = length & 3
  if (rest === 3) h ^= at(bytes, whole + 2) << 16
  if (rest >= 2) h ^= at(bytes, whole + 1) << 8
  if (rest >= 1) h = Math.imul(h ^ at(bytes, whole), M)
  h = Math.imul(h ^ (h >>> 13), M)
  return h ^ (h >>> 15)
}

const at = (bytes: Uint8Array, index: number): number => bytes[index] as number

/** Where string keys become bytes to be hashed; nothing else is kept in it. */
let scratch = Buffer.allocUnsafeSlow(256)

/** The partition of a key, from 0 to `partitions` - 1. Strings count as their UTF-8 bytes. */
export function partitionOf(key: string | Uint8Array, partitions: number): number {
  return (hashOf(key) & 0x7fffffff) % partitions
}

function hashOf(key: string | Uint8Array): number {
  if (typeof key !== 'string') return murmur2(key)
  if (key.length * 3 > scratch.length) scratch = Buffer.allocUnsafeSlow(key.length * 4)
  return murmur2(scratch, scratch.write(key))
}
