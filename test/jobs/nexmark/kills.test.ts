// Each query in processes of its own that are killed on the way: the result file is that of a calm run.

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { ExactDraws } from '../../../jobs/nexmark/generator/draws.ts'
import { eventMaker } from '../../../jobs/nexmark/generator/make-event.ts'
import type { Failpoint } from '../../../src/util/failpoint.ts'
import { crashTestReachingAll } from '../../support/reaching-all.ts'
import { runJob } from '../../support/run-job.ts'
import { KNOWN_QUERIES, QUERY_NAMES, type QueryName } from './known-queries.ts'
import { houseOf } from './models.ts'

const full = process.env.MILLRACE_FULL === '1'

/** Where positions, state and published rows could come apart. */
const STEPS: readonly Failpoint[] = [
  'task.snapshot.frozen',
  'manifest.rename.after',
  'sink.commit.before',
  'restore.done',
]

const EVENTS = 8000
// Slow enough to have checkpoints: a second of events.
const settings = (slower: number): string[] => [
  ...['--set', `events=${EVENTS}`, '--set', `rate=${EVENTS / slower}`, '--checkpoint-interval', '100ms'],
]

/** One for each kind of state: joins, windows, sessions, sets, ranks. */
const TRIED: readonly QueryName[] = full ? ['q5', 'q8', 'q9', 'q11', 'q16', 'q19'] : ['q3']

const jobFile = (name: QueryName): string => fileURLToPath(new URL(`../../../jobs/nexmark/${name}.ts`, import.meta.url))
const resultOf = (name: QueryName, dataDir: string): Promise<string> =>
  readFile(join(dataDir, `nexmark-${name}.jsonl`), 'utf8')

test.each(TRIED)('%s, killed at any step or moment, comes to the same result', { timeout: 3_600_000 }, async (name) => {
  await crashTestReachingAll(STEPS, (slower) => ({
    job: jobFile(name),
    variants: (full ? ['3'] : ['2']).map((parallelism) => [...settings(slower), '--parallelism', parallelism]),
    outcome: (dataDir) => resultOf(name, dataDir),
    // A result that changes until the end is committed once.
    passings: full ? [1] : [2],
    randomKills: full ? 3 : 1,
    seed: 11,
  }))
})

test.each(full ? QUERY_NAMES : TRIED)('%s, killed and gone on with at another parallelism', async (name) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'nexmark-kills-'))
  // One that is killed has time enough for its checkpoints, however busy the machine.
  const run = (parallelism: number, checkpoints?: number) =>
    runJob(
      [
        ...[jobFile(name), '--data-dir', dataDir, '--parallelism', `${parallelism}`],
        ...settings(checkpoints === undefined ? 1 : 8),
      ],
      checkpoints === undefined ? {} : { env: { MILLRACE_FAILPOINT: `manifest.rename.after:kill@${checkpoints}` } },
    )
  try {
    expect((await run(2, 2)).signal).toBe('SIGKILL')
    expect((await run(3, 1)).signal).toBe('SIGKILL')
    expect((await run(1, 1)).signal).toBe('SIGKILL')
    const { code, stderr } = await run(2)
    expect(code, stderr).toBe(0)
    const make = eventMaker(new ExactDraws())
    const model = KNOWN_QUERIES[name].model(houseOf(Array.from({ length: EVENTS }, (_, n) => make(n))))
    expect(await resultOf(name, dataDir)).toBe(model.map((line) => `${line}\n`).join(''))
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
})
