import type { BigIntStats } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { SourceSplit } from '../../contract/source-function.ts'

/** A file, and how far it has been read: a restored reader goes on with the record at `offset`. */
export interface FileSplit extends SourceSplit {
  /** The path it was found under. */
  readonly path: string
  /** The file behind the path, see identityOf: a renamed file keeps it. Equals `id`. */
  readonly id: string
  /** Bytes it had when it was found; undefined for a gzip file. For the progress shown. */
  readonly size: number | undefined
  /** Bytes before the next record; of a gzip file, uncompressed bytes. Always at the beginning of a record. */
  readonly offset: number
  /** Lines before the next record. */
  readonly line: number
  /** Column names of a CSV file whose header has been read. */
  readonly header: readonly string[] | undefined
}

/**
 * What stays the same when a file is renamed or grows: inode and time of birth. Not the device, whose number may change with a
 * reboot; an inode number alone is given to the next file as soon as one is deleted.
 */
export function identityOf(stats: BigIntStats): string {
  return stats.birthtimeNs === 0n ? `${stats.ino}@${stats.dev}` : `${stats.ino}-${stats.birthtimeNs}`
}

/** The identity of the file at a path, or undefined if none is there. */
async function identityAt(path: string): Promise<string | undefined> {
  try {
    return identityOf(await stat(path, { bigint: true }))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Where a file is now: at its path, or, if it was renamed (rotated), elsewhere in that folder. Undefined: gone. */
export async function locate(split: Pick<FileSplit, 'path' | 'id'>): Promise<string | undefined> {
  if ((await identityAt(split.path)) === split.id) return split.path
  const folder = dirname(split.path)
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name)
    if ((await identityAt(path)) === split.id) return path
  }
  return undefined
}
