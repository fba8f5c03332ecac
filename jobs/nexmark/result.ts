// A query's result on disk. While the job runs, its rows lie in parts, each row once, whatever was killed meanwhile; when it has
// finished, they are one sorted file, which is the same for any parallelism.

import { createHash } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const LINES_PER_WRITE = 10_000

/**
 * Writes down what a data directory is used for, and throws if it was used for something else: a job goes on from where it was,
 * so that other settings would be heeded in part, or not at all.
 */
export function claimRun(dataDir: string, job: string, what: string): void {
  mkdirSync(dataDir, { recursive: true })
  const label = join(dataDir, `${job}.run`)
  if (!existsSync(label)) writeWhole(label, [what])
  const found = readFileSync(label, 'utf8').trimEnd()
  if (found !== what) throw new Error(`${label} says: ${found}. For ${what}, name another --data-dir`)
}

/** Sorts the rows of all parts by code unit into one file, which appears whole. */
export function writeResult(parts: string, file: string): { readonly rows: number; readonly sha256: string } {
  const lines = readdirSync(parts)
    .filter((name) => name.endsWith('.ndjson') && !name.startsWith('.'))
    .flatMap((name) => readFileSync(join(parts, name), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .sort()
  return { rows: lines.length, sha256: writeWhole(file, lines) }
}

/** Returns the SHA-256 of what the file then holds. */
function writeWhole(file: string, lines: readonly string[]): string {
  const hash = createHash('sha256')
  const temporary = `${file}.new`
  const descriptor = openSync(temporary, 'w')
  try {
    for (let from = 0; from < lines.length; from += LINES_PER_WRITE) {
      const bytes = Buffer.from(`${lines.slice(from, from + LINES_PER_WRITE).join('\n')}\n`)
      hash.update(bytes)
      for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at)
    }
  } finally {
    closeSync(descriptor)
  }
  renameSync(temporary, file)
  return hash.digest('hex')
}
