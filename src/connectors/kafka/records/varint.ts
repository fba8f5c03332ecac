// Varints of records: zigzag, seven bits a byte, the low ones first. Numbers of up to 64 bits; those beyond 2^53 are not read exactly.

/** Bytes that a length or a small delta takes. `value` has at most 32 bits. */
export function varintBytes(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  if (zigzag < 0x80) return 1
  if (zigzag < 0x4000) return 2
  if (zigzag < 0x20_0000) return 3
  return zigzag < 0x1000_0000 ? 4 : 5
}

/** Returns the place behind it. `value` has at most 32 bits. */
export function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  let to = at
  while (rest >= 0x80) {
    bytes[to++] = rest | 0x80
    rest >>>= 7
  }
  bytes[to++] = rest
  return to
}

/** Bytes that `value`, a safe integer, takes. */
export function varlongBytes(value: number): number {
  if (value === (value | 0)) return varintBytes(value)
  let rest = zigzagged(value)
  let count = 1
  for (; rest >= 0x80n; rest >>= 7n) count += 1
  return count
}

/** Returns the place behind it. `value` is a safe integer. */
export function writeVarlong(bytes: Buffer, at: number, value: number): number {
  if (value === (value | 0)) return writeVarint(bytes, at, value)
  let rest = zigzagged(value)
  let to = at
  for (; rest >= 0x80n; rest >>= 7n) bytes[to++] = Number(rest & 0x7fn) | 0x80
  bytes[to++] = Number(rest)
  return to
}

const zigzagged = (value: number): bigint => {
  const whole = BigInt(value)
  return BigInt.asUintN(64, (whole << 1n) ^ (whole >> 63n))
}
