import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Bytes of all files below a folder, of those that are there all the while. */
export function bytesBelow(folder: string): number {
  let bytes = 0
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    bytes += statSync(join(folder, path), { throwIfNoEntry: false })?.size ?? 0
  return bytes
}
