// Snappy, if it is installed: compressed in Node's thread pool.

type Snappy = typeof import('snappy')

/** Compresses plain bytes. */
export type Compress = (plain: Uint8Array) => Promise<Buffer>

/** Undefined where the package is not there. */
export async function loadCompress(): Promise<Compress | undefined> {
  let snappy: Snappy
  try {
    snappy = await import('snappy')
  } catch {
    return undefined
  }
  return (plain) => snappy.compress(Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength))
}
