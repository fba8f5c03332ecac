// crashTest: kills a user's job at every step of checkpoint, commit and restore, and at random moments, starts it again, and
// compares what came out with a run that nobody disturbed.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FAILPOINTS, type Failpoint } from '../../src/util/failpoint.ts'
import { seededRng } from '../../src/util/rng.ts'
import { DEFAULT_TIMEOUT_MS, type JobProcessOptions, type JobProcessResult, runJobProcess } from './job-process.ts'

export interface CrashTestOptions {
  /** The job file. It must end by itself. */
  readonly job: string
  /** Further arguments of run-job, such as `--set`, `--parallelism`; several lists are tried one after the other. */
  readonly variants?: readonly (readonly string[])[]
  /** The result of a finished run, in a form in which equal results are equal strings. Read from the data directory. */
  readonly outcome: (dataDir: string) => string | Promise<string>
  /** Default: all. */
  readonly failpoints?: readonly Failpoint[]
  /** At which passing of a failpoint to kill; each is a run of its own. Default [1, 2]. */
  readonly passings?: readonly number[]
  /** Further runs, each killed at up to three random moments. Default 20. */
  readonly randomKills?: number
  /** Default 1. */
  readonly seed?: number
  /** Runs at a time. Default 2. */
  readonly concurrency?: number
  /** A process that has not ended by then hangs: it is killed, and its scenario has failed. Default 120,000. */
  readonly timeoutMs?: number
}

export interface CrashTestFailure {
  /** What was done, in words that run it again. */
  readonly how: string
  readonly expected: string
  readonly actual: string
}

export interface CrashTestReport {
  readonly runs: number
  /** How often the process was really killed. */
  readonly kills: number
  /** Failpoints at which it was killed at least once. */
  readonly reached: readonly Failpoint[]
  readonly failures: readonly CrashTestFailure[]
}

/** One run with its faults: the processes are started in order until one ends by itself. */
interface Scenario {
  readonly how: string
  readonly args: readonly string[]
  readonly faults: readonly Fault[]
}

type Fault =
  | { readonly failpoint: Failpoint; readonly passing: number; readonly stopAt?: string }
  | { readonly afterMs: number }

/** Runs every scenario; never throws for a job that fails, but reports it. */
export async function crashTest(options: CrashTestOptions): Promise<CrashTestReport> {
  const report = { runs: 0, kills: 0, reached: new Set<Failpoint>(), failures: [] as CrashTestFailure[] }
  const variants = options.variants ?? [[]]
  for (const variant of variants) {
    const calm = await play(options, { how: describe(options.job, variant, []), args: variant, faults: [] }, report)
    if (calm === undefined) continue
    const queue = scenarios(options, variant, calm.durationMs)
    const worker = async (): Promise<void> => {
      for (let next = queue.pop(); next !== undefined; next = queue.pop())
        await play(options, next, report, calm.outcome)
    }
    await Promise.all(Array.from({ length: options.concurrency ?? 2 }, worker))
  }
  return { ...report, reached: [...report.reached] }
}

function scenarios(options: CrashTestOptions, variant: readonly string[], calmMs: number): Scenario[] {
  const all: Scenario[] = []
  const add = (faults: readonly Fault[]): void => {
    all.push({ how: describe(options.job, variant, faults), args: variant, faults })
  }
  for (const failpoint of options.failpoints ?? (Object.keys(FAILPOINTS) as Failpoint[])) {
    for (const passing of options.passings ?? [1, 2]) add(faultsAt(failpoint, passing))
  }
  const rng = seededRng(options.seed ?? 1)
  for (let i = 0; i < (options.randomKills ?? 20); i += 1) {
    add(Array.from({ length: 1 + rng.int(3) }, () => ({ afterMs: Math.round(rng.next() * calmMs) })))
  }
  return all.reverse()
}

/** Of a process that hung. */
const LAST_LINES = 20

/** How run-job tells of a complete checkpoint. */
const CHECKPOINT_DONE = 'status=complete'

function faultsAt(failpoint: Failpoint, passing: number): Fault[] {
  // A restore needs something to restore: such a run is killed once before, right after a checkpoint. One that commits needs what that left
  // to commit.
  if (failpoint.startsWith('restore.')) {
    const before = failpoint === 'restore.commit.before' ? 'sink.commit.before' : 'manifest.rename.after'
    return [
      { failpoint: before, passing: 2 },
      { failpoint, passing: 1 },
    ]
  }
  // And a stop needs somebody who asks for it.
  if (failpoint.startsWith('stop.')) return [{ failpoint, passing: 1, stopAt: CHECKPOINT_DONE }]
  return [{ failpoint, passing }]
}

type Tally = { runs: number; kills: number; reached: Set<Failpoint>; failures: CrashTestFailure[] }

async function play(
  options: CrashTestOptions,
  scenario: Scenario,
  tally: Tally,
  expected?: string,
): Promise<{ outcome: string; durationMs: number } | undefined> {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-crash-'))
  tally.runs += 1
  try {
    const last = await startUntilEnd(options, scenario, dataDir, tally)
    const outcome = last.code === 0 ? await options.outcome(dataDir) : howItEnded(last, timeoutMsOf(options))
    if (last.code !== 0 || (expected !== undefined && outcome !== expected)) {
      tally.failures.push({ how: scenario.how, expected: expected ?? 'exit 0', actual: outcome })
      if (last.code !== 0) return undefined
    }
    return { outcome, durationMs: last.durationMs }
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function startUntilEnd(
  options: CrashTestOptions,
  scenario: Scenario,
  dataDir: string,
  tally: Tally,
): Promise<JobProcessResult> {
  const process = { args: [options.job, '--data-dir', dataDir, ...scenario.args], timeoutMs: timeoutMsOf(options) }
  for (const fault of scenario.faults) {
    const result = await runJobProcess({ ...process, ...faultOptions(fault) })
    if (result.timedOut) return result
    if (result.signal !== 'SIGKILL') {
      // It ended before the fault came; what follows starts it once more, which must change nothing.
      if (result.code !== 0) return result
      continue
    }
    tally.kills += 1
    if ('failpoint' in fault) tally.reached.add(fault.failpoint)
  }
  return await runJobProcess(process)
}

function timeoutMsOf({ timeoutMs = DEFAULT_TIMEOUT_MS }: CrashTestOptions): number {
  return timeoutMs
}

/** Of one that hung its last lines say where. */
function howItEnded({ code, signal, timedOut, stderr }: JobProcessResult, timeoutMs: number): string {
  if (!timedOut) return `exit ${code ?? signal}\n${stderr}`
  const last = stderr.trimEnd().split('\n').slice(-LAST_LINES).join('\n')
  return `no end within ${timeoutMs} ms: killed. It wrote last:\n${last}`
}

function faultOptions(fault: Fault): Partial<JobProcessOptions> {
  if ('afterMs' in fault) return { killAfterMs: fault.afterMs }
  const env = { MILLRACE_FAILPOINT: `${fault.failpoint}:kill@${fault.passing}` }
  return fault.stopAt === undefined ? { env } : { env, stopAt: fault.stopAt }
}

function describe(job: string, variant: readonly string[], faults: readonly Fault[]): string {
  const kills = faults.map((fault) =>
    'afterMs' in fault
      ? `kill -9 after ${fault.afterMs} ms`
      : `MILLRACE_FAILPOINT=${fault.failpoint}:kill@${fault.passing}`,
  )
  return `run-job ${[job, ...variant].join(' ')}${kills.length === 0 ? '' : `, ${kills.join(', then ')}`}`
}
