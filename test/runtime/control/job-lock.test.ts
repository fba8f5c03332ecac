import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { lockHolder, lockJob } from '../../../runtime/control/job-lock.ts'

async function folder(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'lock-')), 'shop')
}

/** A process that lives until killed. */
async function sleeper(): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log("up")'])
  await once(child.stdout, 'data')
  return child
}

describe('lockJob', () => {
  it('refuses a folder that a living process holds, this one included, and frees it', async () => {
    const path = join(await folder(), 'lock')
    const lock = await lockJob(path)
    expect(await lockHolder(path)).toBe(process.pid)
    await expect(lockJob(path)).rejects.toThrow(
      new RegExp(`Job "shop" is already running in .* \\(process ${process.pid}\\)`),
    )
    await lock.release()
    expect(await lockHolder(path)).toBeUndefined()
    await (await lockJob(path)).release()
    expect(await readdir(join(path, '..'))).toEqual([])
  })

  it('is there for each of several jobs that begin at once where nothing is yet', async () => {
    for (let round = 0; round < 20; round++) {
      const data = join(await folder(), 'data')
      const locks = await Promise.all(Array.from({ length: 8 }, (_, job) => lockJob(join(data, `${job}`, 'lock'))))
      for (const lock of locks) await lock.release()
    }
  })

  it('takes over the lock of a process that is dead', async () => {
    const path = join(await folder(), 'lock')
    const child = await sleeper()
    await (await lockJob(path)).release()
    await writeFile(path, JSON.stringify({ pid: child.pid, nonce: 'theirs' }))
    await expect(lockJob(path)).rejects.toThrow(/already running/)
    child.kill('SIGKILL')
    await once(child, 'exit')
    const lock = await lockJob(path)
    expect(await lockHolder(path)).toBe(process.pid)
    await lock.release()
  })

  // skip: elsewhere the system does not tell when a process started.
  it.runIf(process.platform === 'linux')('takes over when another process has the id by now', async () => {
    const path = join(await folder(), 'lock')
    await (await lockJob(path)).release()
    await writeFile(path, JSON.stringify({ pid: process.pid, started: 'another boot/1', nonce: 'theirs' }))
    await (await lockJob(path)).release()
  })

  it('takes over a file that is no lock at all', async () => {
    const path = join(await folder(), 'lock')
    await (await lockJob(path)).release()
    await writeFile(path, '')
    await (await lockJob(path)).release()
  })

  it('of many that find a stale lock one gets it', async () => {
    const path = join(await folder(), 'lock')
    await (await lockJob(path)).release()
    await writeFile(path, JSON.stringify({ pid: 2 ** 30, nonce: 'theirs' }))
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => lockJob(path)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ pid: process.pid })
  })
})
