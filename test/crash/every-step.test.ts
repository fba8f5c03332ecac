// Kills the job every-step at each named step, and at random moments, starts it again, and compares with a calm run.
// Hunts for: anything lost, repeated, reordered, or wrongly counted by a crash between any two steps.

import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { crashTest } from '../../runtime/testing/crash-test.ts'
import { FAILPOINTS, type Failpoint } from '../../src/util/failpoint.ts'
import { outcomeOf } from './outcome.ts'

const JOB = fileURLToPath(new URL('./jobs/every-step.ts', import.meta.url))
const full = process.env.MILLRACE_FULL === '1'

const STEPS: readonly Failpoint[] = [
  'checkpoint.id.before',
  'checkpoint.id.after',
  'checkpoint.trigger.sent',
  'source.barrier.before',
  'source.barrier.after',
  'task.align.first',
  'task.align.done',
  'task.snapshot.frozen',
  'state.write.before',
  'state.write.after',
  'state.link.middle',
  'state.link.after',
  'task.ack.before',
  'sink.prepare.before',
  'sink.prepare.after',
  'manifest.write.before',
  'manifest.write.middle',
  'manifest.rename.before',
  'manifest.rename.after',
  'commit.notify.before',
  'sink.commit.before',
  'sink.commit.middle',
  'sink.commit.after',
  'checkpoint.delete.before',
  'checkpoint.delete.middle',
  'restore.begin',
  'restore.link.middle',
  'restore.commit.before',
  'restore.done',
  'stop.final.before',
]

/** In full mode, what npm test leaves out. */
const VARIANTS: readonly (readonly [parallelism: string, cache: string, passing: number])[] = full
  ? [
      ['1', '256MiB', 1],
      ['3', '256KiB', 3],
    ]
  : [['2', '256KiB', 2]]

test('every step has a crash test', () => {
  // Those of a savepoint are passed by the process that writes it (savepoint.test.ts), those of batch runs by these (batch.test.ts), those
  // of SQL and Kafka sinks where a server is (mysql-sink.test.ts, kafka-sink.test.ts), those of relays by both their ends
  // (relay-send-steps.test.ts, relay-receive-steps.test.ts).
  const steps = Object.keys(FAILPOINTS).filter((name) => !/^(savepoint|batch|sql|kafka|relay)\./.test(name))
  expect(steps.sort()).toEqual([...STEPS].sort())
})

test.each(VARIANTS)(
  'killed at any step or moment, the job leaves what a calm run leaves (parallelism %s, cache %s, passing %i)',
  { timeout: 3_600_000 },
  async (parallelism, cache, passing) => {
    const report = await crashTest({
      job: JOB,
      // Five checkpoints with records, or more.
      variants: [['--parallelism', parallelism, '--state-cache', cache, '--set', 'perCheckpoint=200']],
      outcome: outcomeOf,
      failpoints: STEPS,
      passings: [passing],
      concurrency: Math.max(2, availableParallelism() - 1),
      randomKills: 20,
      seed: passing,
    })
    for (const failure of report.failures) {
      process.stderr.write(`${failure.how}\n${difference(failure.expected, failure.actual)}\n`)
    }
    expect(report.failures.map(({ how }) => how)).toEqual([])
    expect([...report.reached].sort()).toEqual([...STEPS].sort())
  },
)

/** The first lines that only one side has. */
function difference(expected: string, actual: string): string {
  const [want, got] = [expected.split('\n'), actual.split('\n')]
  const [lost, more] = [new Set(want), new Set(got)]
  const missing = want.filter((line) => !more.has(line)).slice(0, 5)
  const extra = got.filter((line) => !lost.has(line)).slice(0, 5)
  return [...missing.map((line) => `  - ${line}`), ...extra.map((line) => `  + ${line}`)].join('\n')
}
