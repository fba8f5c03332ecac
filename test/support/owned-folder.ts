// Folders that belong to a test run, whose process is named in them: those of runs that ended without their teardown can be removed.

import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isAlive } from './server-process.ts'

/** Makes one of this process, below `parent`. */
export async function makeOwned(parent: string, prefix: string): Promise<string> {
  const folder = await mkdtemp(join(parent, prefix))
  await writeFile(join(folder, 'owner'), String(process.pid))
  return folder
}

/** Removes those whose process is gone. */
export async function removeLeftOver(
  parent: string,
  prefix: string,
  remove: (folder: string) => Promise<void>,
): Promise<void> {
  const names = await readdir(parent).catch(() => [])
  for (const folder of names.filter((name) => name.startsWith(prefix)).map((name) => join(parent, name))) {
    const owner = await readFile(join(folder, 'owner'), 'utf8').catch(() => undefined)
    if (owner !== undefined && !isAlive(Number(owner))) await remove(folder)
  }
}
