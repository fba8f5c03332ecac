// mysql-to-mysql killed where it matters: within one huge transaction, between an ALTER and rows that are read again, at steps of a checkpoint.

import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { Failpoint } from '../../src/util/failpoint.ts'
import { describePrivateServers } from '../support/mysql-servers.ts'
import type { BinProcess } from '../support/run-job.ts'
import { AGAIN, Beside, values } from './mysql-beside.ts'

const full = process.env.MILLRACE_FULL === '1'

describePrivateServers('mysql-to-mysql, killed,', ['mysql', 'mariadb'], (flavour) => {
  const beside = new Beside(flavour)

  it('one transaction of many rows, the job killed within it', { timeout: full ? 600_000 : 300_000 }, async () => {
    const { source, to } = await beside.setUp()
    await beside.finish(source, to)
    const session = await beside.connect(source)
    const rows = full ? 300_000 : 60_000
    await session.run('BEGIN')
    for (let id = 10_000; id < 10_000 + rows; id += 5000)
      await session.run(`INSERT INTO shop.t VALUES ${values(id, 5000)}`)
    await session.run('SAVEPOINT s; DELETE FROM shop.t; ROLLBACK TO s')
    await session.run('UPDATE shop.t, shop.keyless SET t.v = -1, keyless.v = -1 WHERE t.id = keyless.n')
    await session.run('COMMIT')
    for (let round = 0; round < 2; round++) {
      const job = beside.start(source, to)
      await job.seen(/status=complete/)
      await new Promise((resolve) => setTimeout(resolve, 150 * (round + 1)))
      await beside.kill(job)
    }
    const last = beside.start(source, to, ['--batch'])
    const watch = watchMemory(last)
    const { code, stderr } = await last.result
    expect(code, stderr).toBe(0)
    expect(await beside.differs(source, to)).toBe('')
    expect(await watch).toBeLessThan(512)
  })

  it.each([...(full ? ['manifest.rename.before:kill@2'] : []), 'manifest.rename.after:kill@2'])(
    'a column dropped and added again before rows are read again (%s)',
    async (failpoint) => {
      const { source, to } = await beside.setUp()
      const killed = { env: { MILLRACE_FAILPOINT: failpoint } }
      expect((await beside.start(source, to, [], killed).result).signal).toBe('SIGKILL')
      await (await beside.connect(source)).run(
        `UPDATE shop.t SET a = 'former', v = v + 1 WHERE id % 3 = 0; DELETE FROM shop.t WHERE id % 7 = 0;
       ${AGAIN.join(';')}; UPDATE shop.t SET a = 'now' WHERE id % 5 = 0`,
      )
      await beside.finish(source, to)
    },
  )

  it('a column added, then changed, before rows are read again', async () => {
    const { source, to } = await beside.setUp()
    const killed = { env: { MILLRACE_FAILPOINT: 'manifest.rename.before:kill@2' } }
    expect((await beside.start(source, to, [], killed).result).signal).toBe('SIGKILL')
    await (await beside.connect(source)).run(
      `UPDATE shop.t SET v = v + 1 WHERE id % 3 = 0; DELETE FROM shop.t WHERE id % 7 = 0;
       ALTER TABLE shop.t ADD COLUMN b INT NOT NULL DEFAULT 7; UPDATE shop.t SET b = 8 WHERE id % 5 = 0;
       ALTER TABLE shop.t MODIFY COLUMN b TEXT NULL`,
    )
    await beside.finish(source, to)
  })

  it('killed where chunks are acknowledged and the log takes over', async () => {
    const { source, to } = await beside.setUp()
    const session = await beside.connect(source)
    await session.run(`INSERT INTO shop.t VALUES ${values(10_000, 30_000)}`)
    for (const [n, failpoint] of STEPS.entries()) {
      await session.run(`UPDATE shop.t SET v = v + 1 WHERE id % 7 = ${n}; DELETE FROM shop.t WHERE id % 97 = ${n}`)
      const passing = `${failpoint}:kill@${(full ? 3 : 2) + (n % 2)}`
      const { signal } = await beside.start(source, to, [], { env: { MILLRACE_FAILPOINT: passing } }).result
      expect(signal).toBe('SIGKILL')
    }
    await beside.finish(source, to)
  })
})

/** Where a checkpoint, an acknowledgement or a hand-over could be half done. */
const STEPS: readonly Failpoint[] = [
  'source.barrier.after',
  'task.snapshot.frozen',
  'manifest.rename.before',
  'manifest.rename.after',
]

/** The most memory that a process had, in MB, as the system counts it. */
async function watchMemory({ child, result }: BinProcess): Promise<number> {
  let most = 0
  let running = true
  result.finally(() => (running = false)).catch(() => {})
  while (running) {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
      most = Math.max(most, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024)
    } catch {
      break // it is gone
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return most
}
