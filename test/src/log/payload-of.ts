/** A payload that tells its record's number, its own length and any change of its bytes. */
export function payloadOf(sequence: number, size: number): Buffer {
  const payload = Buffer.allocUnsafe(size)
  for (let i = 0; i < size; i += 1) payload[i] = (sequence * 31 + size * 7 + i * 13) & 0xff
  return payload
}
