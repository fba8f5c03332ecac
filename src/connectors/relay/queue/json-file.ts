// Small files that are there whole or not at all.

import { dirname } from 'node:path'
import { MillraceError, reasonOf } from '../../../errors.ts'
import type { FileSystem } from '../../../util/file-system.ts'

/** What a file holds; undefined if it is not there. Throws LOG_CORRUPT for what is no JSON, IO. */
export async function readJson(fs: FileSystem, path: string): Promise<unknown> {
  const text = await readText(fs, path)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new MillraceError('LOG_CORRUPT', { path, offset: 0, reason: reasonOf(error) }, error)
  }
}

/** Replaces a file: after a crash it holds what it did or `value`, and once this resolves, `value`. Throws IO. */
export async function writeJson(fs: FileSystem, path: string, value: unknown): Promise<void> {
  const temporary = `${path}.new`
  try {
    await fs.remove(temporary).catch(ignoreMissing)
    const file = await fs.open(temporary, 'create')
    try {
      await file.write([Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`)], 0)
      await file.sync()
    } finally {
      await file.close()
    }
    await fs.rename(temporary, path)
    await fs.syncDirectory(dirname(path))
  } catch (error) {
    throw new MillraceError('IO', { action: 'write', path, reason: reasonOf(error) }, error)
  }
}

async function readText(fs: FileSystem, path: string): Promise<string | undefined> {
  try {
    const file = await fs.open(path, 'read')
    try {
      const bytes = Buffer.alloc(await file.size())
      await file.read(bytes, 0)
      return bytes.toString()
    } finally {
      await file.close()
    }
  } catch (error) {
    if (isMissing(error)) return undefined
    throw new MillraceError('IO', { action: 'read', path, reason: reasonOf(error) }, error)
  }
}

function ignoreMissing(error: unknown): void {
  if (!isMissing(error)) throw error
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}
