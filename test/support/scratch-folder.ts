// The folder below which the tests of a run write, in memory where there is room: who waits for a disk at each checkpoint does little else.
// Kills lose nothing of either. The whole matrix writes to the disk, and so do servers.

import { rm, statfs } from 'node:fs/promises'
import { freemem } from 'node:os'
import { makeOwned, removeLeftOver } from './owned-folder.ts'

const MEMORY = '/dev/shm'
const ROOM_BYTES_MIN = 4 * 2 ** 30
const PREFIX = 'millrace-tests-'

/** Makes it, as TMPDIR of the workers that are started later; what it returns removes it. A TMPDIR that is given is left as it is. */
export async function scratchInMemory(): Promise<(() => Promise<void>) | undefined> {
  if (process.env.TMPDIR !== undefined) return
  // They would keep memory.
  await removeLeftOver(MEMORY, PREFIX, removeFolder)
  if (Math.min(await roomIn(MEMORY), freemem()) < ROOM_BYTES_MIN) return
  const folder = await makeOwned(MEMORY, PREFIX)
  process.env.TMPDIR = folder
  return async () => {
    delete process.env.TMPDIR
    await removeFolder(folder)
  }
}

async function roomIn(folder: string): Promise<number> {
  const found = await statfs(folder).catch(() => undefined)
  return found === undefined ? 0 : found.bavail * found.bsize
}

const removeFolder = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true, maxRetries: 5 })
