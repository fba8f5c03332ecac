// Before and after a whole test run (vitest's globalSetup): the folder below which tests write. In npm test it is in memory where there is
// room: who waits for a disk at each checkpoint does little else. Kills lose nothing of either; the whole matrix writes to the disk.
// Servers stay on the disk (services-setup.ts).

import { mkdtemp, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { isAlive } from './server-process.ts'

const MEMORY = '/dev/shm'
const ROOM_BYTES_MIN = 4 * 2 ** 30
const PREFIX = 'millrace-tests-'

/** vitest calls it once, before any test, and what it returns after all of them. A TMPDIR that is given is left as it is. */
export async function setup({ config }: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (process.env.TMPDIR !== undefined || config.env.MILLRACE_FULL === '1') return
  await removeLeftOver()
  if ((await roomIn(MEMORY)) < ROOM_BYTES_MIN) return
  const folder = await mkdtemp(join(MEMORY, PREFIX))
  await writeFile(join(folder, 'owner'), String(process.pid))
  process.env.TMPDIR = folder // of the workers, which are started later
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
