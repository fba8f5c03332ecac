// The quickstart as a user's own job in a crash test: killed at steps and moments, it comes to the digest of a calm run.

import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'libsql'
import { test } from 'vitest'
import { FAILPOINTS, type Failpoint } from '../../src/util/failpoint.ts'
import { crashTestReachingAll } from '../support/reaching-all.ts'

const JOB = fileURLToPath(new URL('../../jobs/quickstart.ts', import.meta.url))
const full = process.env.MILLRACE_FULL === '1'

/**
 * Where positions in the shop's log, state and report could come apart; in full mode every step that this job passes. It writes rows by key:
 * nothing is committed.
 */
const STEPS: readonly Failpoint[] = full
  ? (Object.keys(FAILPOINTS) as Failpoint[]).filter(
      (name) => !/^(savepoint|batch|sql|kafka|relay|(sink|restore)\.commit)\./.test(name),
    )
  : ['source.barrier.after', 'task.snapshot.frozen', 'manifest.rename.before', 'manifest.rename.after', 'restore.done']

const settings = (slower: number): string[] =>
  ['orders=2000', 'customers=300', 'changes=1500', `rate=${2000 / slower}`].flatMap((pair) => ['--set', pair])
const variants = (slower: number): string[][] =>
  (full ? ['1', '3'] : ['2']).map((parallelism) => [
    ...settings(slower),
    '--checkpoint-interval',
    '100ms',
    '--parallelism',
    parallelism,
  ])

function reportOf(dataDir: string): string {
  const db = new Database(join(dataDir, 'quickstart-report.db'))
  try {
    const rows = db.prepare('SELECT customer_id, orders, cents FROM customer_totals ORDER BY 1').raw(true).all()
    return createHash('sha256').update(JSON.stringify(rows)).digest('hex')
  } finally {
    db.close()
  }
}

test('killed at any step or moment, the quickstart comes to the same report', {
  timeout: 3_600_000,
}, async () => {
  await crashTestReachingAll(STEPS, (slower) => ({
    job: JOB,
    variants: variants(slower),
    outcome: reportOf,
    passings: [2],
    randomKills: full ? 6 : 5,
    seed: 7,
  }))
})
