import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { StateHandle } from '../checkpoint/snapshot.ts'
import { checksumFile } from './hard-link-checkpoint.ts'

export interface StateProblem {
  /** Name of the file within the folder. */
  readonly file: string
  readonly reason: string
}

/**
 * Checks a keyed state folder (`<checkpoint>/<handle.folder>`) against its handle: every file there, of its size and CRC.
 * Answers the first problem. Sizes are compared before any content is read.
 */
export async function verifyStateFolder(folder: string, handle: StateHandle): Promise<StateProblem | undefined> {
  for (const file of handle.files) {
    const found = await stat(join(folder, file.name)).catch(() => undefined)
    if (found === undefined) return { file: file.name, reason: 'it is missing' }
    if (found.size !== file.bytes)
      return { file: file.name, reason: `it has ${found.size} bytes instead of ${file.bytes}` }
  }
  for (const file of handle.files) {
    const { crc } = await checksumFile(join(folder, file.name))
    if (crc !== file.crc) return { file: file.name, reason: 'its content does not match its checksum' }
  }
  return undefined
}
