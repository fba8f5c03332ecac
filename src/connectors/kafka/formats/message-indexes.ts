// Where a protobuf message is declared in its file, as Confluent writes it: how many numbers, then each, zigzag; `[0]` as a single 0.

const DEPTH_MAX = 100

/** The numbers that stand there, and where they end. Throws where they do not. */
export function indexesOf(bytes: Buffer, start: number): { readonly indexes: readonly number[]; readonly end: number } {
  let at = start
  const next = (): number => {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = bytes[at]
      if (byte === undefined) break
      at += 1
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1)
    }
    throw new Error('which message of its file it is does not stand there')
  }
  const count = next()
  if (count < 0 || count > DEPTH_MAX) throw new Error(`a message declared ${count} deep`)
  const indexes = count === 0 ? [0] : Array.from({ length: count }, next)
  return { indexes, end: at }
}

/** The bytes of it. */
export function indexList(indexes: readonly number[]): readonly number[] {
  if (indexes.length === 1 && indexes[0] === 0) return [0]
  return [indexes.length, ...indexes].flatMap(zigzag)
}

/** Of a number that is not negative. */
function zigzag(value: number): number[] {
  const bytes: number[] = []
  let rest = value * 2
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest & 0x7f) | 0x80)
  return [...bytes, rest]
}
