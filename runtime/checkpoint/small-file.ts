// Small JSON files that decide what happens after a crash: written whole or not at all.

import { type Fs, writeAtomic } from './fs.ts'

/** Writes plain data so that a crash leaves the old file or the new one. */
export async function writeSmallFile(fs: Fs, path: string, value: unknown): Promise<void> {
  await writeAtomic(fs, path, [Buffer.from(`${JSON.stringify(value)}\n`)])
}

/** Reads it back; undefined if it is not there or is not JSON (which a crash of ours cannot cause). */
export async function readSmallFile<T>(fs: Fs, path: string): Promise<T | undefined> {
  const bytes = await fs.read(path)
  if (bytes === undefined) return undefined
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as T
  } catch {
    return undefined
  }
}
