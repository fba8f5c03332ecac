import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { reasonOf } from '../../src/errors.ts'
import type { StateFile, StateHandle } from '../checkpoint/snapshot.ts'
import type { Damage } from '../checkpoint/verify.ts'

/** Whether a state folder holds the files that its handle names, whole and unchanged. */
export async function verifyState(folder: string, handle: StateHandle): Promise<Damage | undefined> {
  for (const file of handle.files) {
    const path = join(folder, file.name)
    const reason = await damageOf(path, file).catch(reasonOf)
    if (reason !== undefined) return { file: path, reason }
  }
  return undefined
}

async function damageOf(path: string, file: StateFile): Promise<string | undefined> {
  const { size } = await stat(path)
  if (size !== file.bytes) return `it has ${size} bytes instead of ${file.bytes}`
  let crc = 0
  for await (const part of createReadStream(path, { highWaterMark: 1024 * 1024 })) crc = crc32(part as Buffer, crc)
  return crc === file.crc ? undefined : 'its checksum does not match'
}
