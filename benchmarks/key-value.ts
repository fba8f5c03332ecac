// The records that every workload reads: a key spread evenly by a hash of the record's number, and a small value. The same
// numbers as the Flink peer makes (splitmix64), so that both do the same work; without bigint, which would cost more than the job.

/** A record of the keyed workloads. */
export interface KeyValue {
  readonly key: number
  readonly value: number
}

/** Record number i of a stream over `keys` keys. */
export function keyValueAt(i: number, keys: number): KeyValue {
  return { key: keyAt(i, keys), value: i & 1023 }
}

/** The key of record i: (splitmix64(i) >>> 32) * keys >>> 32. */
export function keyAt(i: number, keys: number): number {
  return mulHigh(mixHigh(i), keys) >>> 0
}

/** The upper 32 bits of splitmix64's output for i. 64-bit words are kept as two 32-bit halves, all in integer arithmetic. */
export function mixHigh(i: number): number {
  const lo = (i + 0x7f4a7c15) | 0
  const carry = lo >>> 0 < 0x7f4a7c15 ? 1 : 0
  const hi = (((i / 4294967296) | 0) + 0x9e3779b9 + carry) | 0
  // z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9
  const lo1 = lo ^ ((lo >>> 30) | (hi << 2))
  const hi1 = hi ^ (hi >>> 30)
  const lo2 = Math.imul(lo1, 0x1ce4e5b9)
  const hi2 = (mulHigh(lo1, 0x1ce4e5b9) + Math.imul(lo1, 0xbf58476d) + Math.imul(hi1, 0x1ce4e5b9)) | 0
  // z = (z ^ (z >>> 27)) * 0x94d049bb133111eb
  const lo3 = lo2 ^ ((lo2 >>> 27) | (hi2 << 5))
  const hi3 = hi2 ^ (hi2 >>> 27)
  const hi4 = (mulHigh(lo3, 0x133111eb) + Math.imul(lo3, 0x94d049bb) + Math.imul(hi3, 0x133111eb)) | 0
  // The upper half of z ^ (z >>> 31)
  return (hi4 ^ (hi4 >>> 31)) | 0
}

/** The upper 32 bits of the product of two unsigned 32-bit numbers. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const first = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) >>> 0
  const second = (Math.imul(aLow, bHigh) + (first & 0xffff)) >>> 0
  return (Math.imul(aHigh, bHigh) + (first >>> 16) + (second >>> 16)) | 0
}
