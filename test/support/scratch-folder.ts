// The folder below which the tests of a run write, in memory where there is room: who waits for a disk at each checkpoint does little else.
// Kills lose nothing of either. The whole matrix writes to the disk, and so do servers.

import { mkdtemp, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises'
import { freemem } from 'node:os'
import { join } from 'node:path'
import { isAlive } from './server-process.ts'

const MEMORY = '/dev/shm'
const ROOM_BYTES_MIN = 4 * 2 ** 30
const PREFIX = 'millrace-tests-'

/** Makes it, as TMPDIR of the workers that are started later; what it returns removes it. A TMPDIR that is given is left as it is. */
export async function scratchInMemory(): Promise<(() => Promise<void>) | undefined> {
  if (process.env.TMPDIR !== undefined) return
  await removeLeftOver()
  if (Math.min(await roomIn(MEMORY), freemem()) < ROOM_BYTES_MIN) return
  const folder = await mkdtemp(join(MEMORY, PREFIX))
  await writeFile(join(folder, 'owner'), String(process.pid))
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

/** Of runs that ended without their teardown: they would keep memory. */
async function removeLeftOver(): Promise<void> {
  const names = await readdir(MEMORY).catch(() => [])
  for (const folder of names.filter((name) => name.startsWith(PREFIX)).map((name) => join(MEMORY, name))) {
    const owner = await readFile(join(folder, 'owner'), 'utf8').catch(() => undefined)
    if (owner !== undefined && !isAlive(Number(owner))) await removeFolder(folder)
  }
}

const removeFolder = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true, maxRetries: 5 })
