// Before and after a whole test run (vitest's globalSetup): the folder where its servers live, and the one where its tests write. Servers are
// started on first use, by mysql-servers.ts; here they are stopped, those of a run that was killed too.

import { chmod, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { makeOwned, removeLeftOver } from './owned-folder.ts'
import { scratchInMemory } from './scratch-folder.ts'
import { isAlive } from './server-process.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder of this run's servers. */
    servicesFolder: string
  }
}

const PREFIX = 'millrace-services-'

/** vitest calls it once, before any test, and what it returns after all of them. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeLeftOver(tmpdir(), PREFIX, removeFolder)
  const folder = await makeOwned(tmpdir(), PREFIX)
  await chmod(folder, 0o755) // as root, servers run as another user
  await mkdir(join(folder, 'shared'))
  project.provide('servicesFolder', folder)
  const removeScratch = project.config.env.MILLRACE_FULL === '1' ? undefined : await scratchInMemory()
  return async () => {
    await removeScratch?.()
    await removeFolder(folder)
  }
}

async function removeFolder(folder: string): Promise<void> {
  const servers = await readdir(folder).catch(() => [])
  await Promise.all(servers.map((name) => killServer(join(folder, name))))
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}

/** By its pid file, if that process is indeed the server of this folder. Its data are thrown away: no need to end it in order. */
async function killServer(folder: string): Promise<void> {
  const pid = Number(await readFile(join(folder, 'server.pid'), 'utf8').catch(() => Number.NaN))
  if (Number.isNaN(pid) || !isAlive(pid)) return
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  if (!command.includes(folder)) return
  process.kill(pid, 'SIGKILL')
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 5))
}
