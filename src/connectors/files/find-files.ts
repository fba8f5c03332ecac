import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { glob, isDynamicPattern } from 'tinyglobby'
import { MillraceError } from '../../errors.ts'
import { isGzip } from './file-reader.ts'
import type { FilesSourceConfig } from './options.ts'
import { type FileSplit, identityOf } from './position.ts'

/** The files that match now, each a split at its beginning, in order of path. */
export async function findFiles(config: FilesSourceConfig): Promise<readonly FileSplit[]> {
  const splits = await Promise.all((await matchingPaths(config.paths)).map((path) => splitAt(path, config)))
  return splits.filter((split) => split !== undefined)
}

async function splitAt(path: string, config: FilesSourceConfig): Promise<FileSplit | undefined> {
  const stats = await stat(path, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined // removed since it was listed
    throw new MillraceError('IO', { action: 'stat', path, reason: error.message }, error)
  })
  if (stats === undefined || !stats.isFile()) return undefined
  const size = isGzip(path, config) ? undefined : Number(stats.size)
  return { id: identityOf(stats), path, size, offset: 0, line: 0, header: undefined }
}

/** Absolute, for the next process may start elsewhere: paths as they are where they are no globs, or where a file has that very name; what globs match; sorted. */
async function matchingPaths(patterns: readonly string[]): Promise<string[]> {
  const found = new Set<string>()
  const globs: string[] = []
  for (const pattern of patterns) {
    const literal = !pattern.startsWith('!') && (!isDynamicPattern(pattern) || (await isFile(pattern)))
    if (literal) found.add(resolve(pattern))
    else globs.push(pattern)
  }
  if (globs.length > 0)
    for (const path of await glob(globs, { expandDirectories: false, absolute: true })) found.add(path)
  return [...found].sort()
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  )
}
