// Snappy, if it is installed: compressed in Node's thread pool.

type Snappy = typeof import('snappy')

// Else the garbage collector does not know how large the outputs are, and lets 100 MB of them lie.
const OUTPUT = { copyOutputData: true }

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
  return (plain) => snappy.compress(Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength), OUTPUT)
}
