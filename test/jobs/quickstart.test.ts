// The quickstart keeps what the README says of it: its digest is that of the shop, whatever happened on the way.

import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'libsql'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { type ProcessOptions, type ProcessResult, runJob, runMillrace } from '../support/run-job.ts'

const JOB = fileURLToPath(new URL('../../jobs/quickstart.ts', import.meta.url))
const root = mkdtempSync(join(tmpdir(), 'quickstart-'))
afterAll(() => {
  rmSync(root, { recursive: true })
})

let dataDir: string
beforeEach(() => {
  dataDir = mkdtempSync(join(root, 'data-'))
})

/** More customers than orders: some never order, and some have orders only for a while. */
const SMALL = settings({ orders: 150, customers: 200, changes: 600 })

function settings(values: Readonly<Record<string, number>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => ['--set', `${name}=${value}`])
}

function run(args: readonly string[], options?: ProcessOptions): Promise<ProcessResult> {
  return runJob([JOB, '--data-dir', dataDir, ...args], options)
}

/** What a run that ended well printed last. */
async function digestOf(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(args)
  expect(code, stderr).toBe(0)
  const last = stdout.trimEnd().split('\n').at(-1) ?? ''
  expect(last).toMatch(/^report sha256 [0-9a-f]{64}$/)
  return last.slice(-64)
}

function rowsOf(file: string, sql: string): string[] {
  const db = new Database(join(dataDir, file))
  try {
    return (db.prepare(sql).raw(true).all() as unknown[][]).map((row) => row.join('|'))
  } finally {
    db.close()
  }
}

/** The digest that the shop's own rows call for, and the report's rows as the test reads them. */
function expectedDigest(): string {
  const paid = `SELECT count(*) AS orders, ifnull(sum(cents), 0) AS cents FROM orders WHERE status = 'paid' AND customer_id = c.id`
  const rows = rowsOf(
    'quickstart-shop.db',
    `SELECT id, (SELECT orders FROM (${paid})), (SELECT cents FROM (${paid})) FROM customers c ORDER BY id`,
  )
  expect(rowsOf('quickstart-report.db', 'SELECT customer_id, orders, cents FROM customer_totals ORDER BY 1')).toEqual(
    rows,
  )
  return createHash('sha256').update(rows.join('\n')).digest('hex')
}

const freshDir = (): void => {
  dataDir = mkdtempSync(join(root, 'data-'))
}

describe('the digest', () => {
  test('is that of the shop, for any parallelism, cache and checkpoint interval; another seed has another', async () => {
    const digests: string[] = []
    for (const way of [
      ['--parallelism', '1'],
      ['--parallelism', '3', '--workers', '2', '--checkpoint-interval', '100ms'],
      ['--state-cache', '64KiB', '--in-process'],
    ]) {
      freshDir()
      digests.push(await digestOf([...SMALL, ...way]))
      expect(digests.at(-1)).toBe(expectedDigest())
    }
    expect(new Set(digests).size).toBe(1)
    expect(rowsOf('quickstart-report.db', 'SELECT count(*) > 5 FROM customer_totals WHERE orders = 0')).toEqual(['1'])
    freshDir()
    expect(await digestOf([...SMALL, '--set', 'seed=2'])).not.toBe(digests[0])
  })

  test('stays, however often the job was killed, though its parallelism changes each time', async () => {
    const calm = await digestOf(SMALL)
    freshDir()
    // Slow enough to be killed while the writer is still at it, however busy the machine.
    const slow = [...SMALL, '--set', 'rate=20', '--checkpoint-interval', '100ms']
    const kills = [/checkpoint=1 status=complete/, /event=state state=running/, /status=complete/, /status=complete/]
    for (const [i, killAt] of kills.entries()) {
      const { signal } = await run([...slow, '--parallelism', `${1 + (i % 3)}`], { killAt })
      expect(signal).toBe('SIGKILL')
    }
    expect(await digestOf([...SMALL, '--parallelism', '2'])).toBe(calm)
    expect(await digestOf([...SMALL, '--parallelism', '1'])).toBe(calm)
  })

  test.each([
    { orders: 0, customers: 3, changes: 0 },
    { orders: 0, customers: 3, changes: 50 },
    { orders: 1, customers: 1, changes: 0 },
    { orders: 1, customers: 3, changes: 50 },
  ])('is right for $orders orders of $customers customers and $changes changes', async (small) => {
    expect(await digestOf(settings(small))).toBe(expectedDigest())
  })
})

test('a report that is not as the shop says fails the job', async () => {
  await digestOf(SMALL)
  const db = new Database(join(dataDir, 'quickstart-report.db'))
  db.exec('UPDATE customer_totals SET cents = cents + 1 WHERE customer_id = 7')
  db.close()
  const { code, stdout, stderr } = await run(SMALL)
  expect(code).toBe(1)
  expect(stdout).not.toContain('report sha256')
  expect(stderr).toContain('the report differs from the shop')
})

test('a shop made of other numbers is refused, and left as it is', async () => {
  const digest = await digestOf(SMALL)
  const { code, stderr } = await run([...SMALL, '--set', 'seed=2'])
  expect(code).toBe(1)
  expect(stderr).toContain('was made with --set orders=150 customers=200 seed=1')
  expect(await digestOf(SMALL)).toBe(digest)
})

describe('going back', () => {
  test('to a checkpoint that is listed, after the end, comes to the same digest', async () => {
    const digest = await digestOf([...SMALL, '--set', 'rate=150', '--checkpoint-interval', '200ms'])
    const { code, stdout } = await runMillrace(['checkpoints', 'quickstart', '--data-dir', dataDir])
    expect(code).toBe(0)
    const ids = [...stdout.matchAll(/^ +(\d+) .*complete/gm)].map((match) => match[1] as string)
    expect(ids.length).toBeGreaterThan(1)
    expect(await digestOf([...SMALL, '--from-checkpoint', ids[0] as string])).toBe(digest)
    expect(expectedDigest()).toBe(digest)
  })

  test('half way comes to the same digest', async () => {
    const slow = [...SMALL, '--set', 'rate=20', '--checkpoint-interval', '100ms']
    // At once: a moment later, checkpoint 2 might be gone.
    await run(slow, { env: { MILLRACE_FAILPOINT: 'manifest.rename.after:kill@4' } })
    const digest = await digestOf([...SMALL, '--from-checkpoint', '2'])
    expect(digest).toBe(expectedDigest())
  })
})
