import { loadSnappy, OUTPUT } from '../line/snappy.ts'

/** Compresses plain bytes. */
export type Compress = (plain: Uint8Array) => Promise<Buffer>

/** Undefined where the package is not there. */
export async function loadCompress(): Promise<Compress | undefined> {
  const snappy = await loadSnappy()
  if (snappy === undefined) return undefined
  return (plain) => snappy.compress(Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength), OUTPUT)
}
