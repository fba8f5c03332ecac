// Bodies of batches, uncompressed: what they declare is checked before anything is allocated.

import { loadSnappy, OUTPUT, type Snappy } from '../line/snappy.ts'
import type { Batch } from '../wire/messages.ts'
import { WireFailure } from '../wire/wire-failure.ts'

/** Snappy cannot do better than a copy of 64 bytes in 3. */
const SNAPPY_RATIO_MAX = 22

let snappy: Snappy | undefined

/** Loads what can be read, and names it for the Welcome. */
export async function readableCompressions(): Promise<readonly string[]> {
  snappy ??= await loadSnappy()
  return snappy === undefined ? [] : ['snappy']
}

/** Checks the sizes that a batch declares against its body and the limit of the line. Throws WireFailure. */
export function checkSizes(
  { compression, plainBytes, stream, sequence }: Batch,
  body: Buffer,
  plainBytesMax: number,
): void {
  const fail = (code: 'LIMIT' | 'PROTOCOL', reason: string): never => {
    throw new WireFailure(code, `batch ${sequence} of stream ${stream} ${reason}`)
  }
  if (plainBytes === 0) fail('PROTOCOL', 'is empty')
  if (plainBytes > plainBytesMax) fail('LIMIT', `has ${plainBytes} bytes; ${plainBytesMax} are taken`)
  if (compression === '') {
    if (body.length !== plainBytes) fail('PROTOCOL', `declares ${plainBytes} bytes and has ${body.length}`)
    return
  }
  if (compression !== 'snappy' || snappy === undefined) fail('PROTOCOL', `is compressed with "${compression}"`)
  if (plainBytes > body.length * SNAPPY_RATIO_MAX) fail('LIMIT', `declares ${plainBytes} bytes in ${body.length}`)
  const declared = snappyLength(body)
  if (declared !== plainBytes) fail('PROTOCOL', `declares ${plainBytes} bytes, and its body ${declared}`)
}

/**
 * The bytes of a body whose sizes were checked. Throws WireFailure. In this thread: that takes a millisecond for 1 MiB, and what the thread pool
 * has uncompressed would wait in memory that neither the bounds nor the garbage collector count.
 */
export function uncompressed({ compression, plainBytes, stream, sequence }: Batch, body: Buffer): Uint8Array {
  if (compression === '') return body
  try {
    const plain = (snappy as Snappy).uncompressSync(body, OUTPUT)
    if (plain instanceof Uint8Array && plain.length === plainBytes) return plain
  } catch {
    // Told below.
  }
  throw new WireFailure('PROTOCOL', `batch ${sequence} of stream ${stream} cannot be uncompressed`)
}

/** The length that a snappy body says it has uncompressed: a varint of 32 bits before the rest; undefined if there is none. */
function snappyLength(body: Buffer): number | undefined {
  let length = 0
  for (let i = 0; i < 5 && i < body.length; i += 1) {
    const byte = body[i] as number
    length += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return length
  }
  return undefined
}
