// runJobHere: a job in this process, in a data directory of its own. testJob: one expected result, also through faults.

import { join } from 'node:path'
import type { Job } from '../../src/graph/job.ts'
import { armFailpoints, type Failpoint } from '../../src/util/failpoint.ts'
import { run } from '../control/run.ts'
import type { RunEvent, RunOptions, RunResult } from '../control/run-types.ts'
import { differenceOf } from './difference.ts'
import { RecordFault, withPacedSources, withRecordFault } from './faults.ts'
import { inTemporaryFolder } from './temporary-folder.ts'

/** What goes wrong, once: a node throws at its nth record (from 1), or the machine throws at a named step of its work. */
export type JobFault =
  | { readonly node: string; readonly record: number }
  | { readonly failpoint: Failpoint; readonly passing?: number }

/** How a job is run in this process. */
export interface RunHereOptions extends Omit<RunOptions, 'inProcess' | 'workers'> {
  readonly fault?: JobFault
  /** Sources wait for a checkpoint after so many records (each subtask), so that a short job has some. Default: they do not. */
  readonly recordsPerCheckpoint?: number
}

/** How a run in this process went. */
export interface RunHereResult extends RunResult {
  readonly events: readonly RunEvent[]
  /** Whether the fault was met. */
  readonly faultFired: boolean
}

/** One expected result of a job, and how it is to be reached. */
export interface JobTest<T> {
  readonly expected: readonly T[]
  /** The order does not matter. Default true: subtasks run side by side. */
  readonly anyOrder?: boolean
  /** Each is a run of its own, beside one without. Default: each operator and sink throws at its second record. */
  readonly faults?: readonly JobFault[]
  /** Each is tried. Default [1, 2]. */
  readonly parallelism?: readonly number[]
  /** Default 3: small enough for short inputs to have checkpoints. */
  readonly recordsPerCheckpoint?: number
  readonly settings?: Readonly<Record<string, string>>
}

const QUICK: RunOptions = {
  checkpoint: { intervalMs: 5 },
  restart: { strategy: 'fixed-delay', attempts: 3, delayMs: 0 },
}
const RECORDS_PER_CHECKPOINT = 3

/**
 * Runs a job in this thread to its end, in a temporary data directory unless one is given, with checkpoints every 5 ms and quick
 * restarts unless told otherwise. Never throws for a job that fails: see `state` and `failure`. One run with a failpoint at a time.
 */
export function runJobHere(job: Job, options: RunHereOptions = {}): Promise<RunHereResult> {
  const { dataDir } = options
  if (dataDir !== undefined) return runIn(job, dataDir, options)
  return inTemporaryFolder((folder) => runIn(job, join(folder, 'data'), options))
}

async function runIn(job: Job, dataDir: string, options: RunHereOptions): Promise<RunHereResult> {
  const { fault, recordsPerCheckpoint, ...more } = options
  const paced = recordsPerCheckpoint === undefined ? job : withPacedSources(job, recordsPerCheckpoint)
  const recordFault = fault !== undefined && 'node' in fault ? new RecordFault(fault.node, fault.record) : undefined
  const faulty = recordFault === undefined ? paced : withRecordFault(paced, recordFault)
  const spec = fault !== undefined && 'failpoint' in fault ? failpointSpec(fault) : undefined
  const events: RunEvent[] = []
  if (spec !== undefined) armFailpoints(spec)
  try {
    const running = run(faulty, { ...QUICK, ...more, dataDir })
    running.events$.subscribe((event) => events.push(event))
    const result = await running.result
    const failed = events.some((event) => event.type === 'failure' || isFailedCheckpoint(event))
    return { ...result, events, faultFired: recordFault?.fired ?? (spec !== undefined && failed) }
  } finally {
    if (spec !== undefined) armFailpoints(undefined)
  }
}

function failpointSpec({ failpoint, passing = 1 }: { failpoint: Failpoint; passing?: number }): string {
  return `${failpoint}:throw@${passing}`
}

function isFailedCheckpoint(event: RunEvent): boolean {
  return event.type === 'checkpoint' && event.checkpoint.status === 'failed'
}

/**
 * Runs the job that `make` builds around a fresh array (end it with `collect(out)`) without faults, then with each fault, at each
 * parallelism, and compares what is in the array. Throws an Error that shows, by run, what differs.
 */
export async function testJob<T>(make: (out: T[]) => Job, test: JobTest<T>): Promise<void> {
  const failures: string[] = []
  const given = test.faults
  for (const parallelism of test.parallelism ?? [1, 2]) {
    for (const fault of [undefined, ...(given ?? secondRecords(make([]), test))]) {
      const failure = await failureOf(make, test, { parallelism, fault, mustFire: given !== undefined })
      if (failure !== undefined) failures.push(`${wordsFor(fault)}, parallelism ${parallelism}: ${failure}`)
    }
  }
  if (failures.length > 0) throw new Error(`Job "${make([]).name}"\n${failures.join('\n')}`)
}

interface Scenario {
  readonly parallelism: number
  readonly fault: JobFault | undefined
  /** A fault that somebody asked for and that never came would be a test of nothing. */
  readonly mustFire: boolean
}

async function failureOf<T>(
  make: (out: T[]) => Job,
  test: JobTest<T>,
  { parallelism, fault, mustFire }: Scenario,
): Promise<string | undefined> {
  const out: T[] = []
  const { settings = {}, recordsPerCheckpoint = RECORDS_PER_CHECKPOINT } = test
  const result = await runJobHere(make(out), {
    parallelism,
    settings,
    recordsPerCheckpoint,
    ...(fault === undefined ? {} : { fault }),
  })
  if (result.state !== 'finished') return `it ended as ${result.state}: ${result.failure?.message ?? 'no reason given'}`
  if (mustFire && fault !== undefined && !result.faultFired) return 'the fault never came: nothing was tested'
  return differenceOf({ expected: test.expected, actual: out, anyOrder: test.anyOrder ?? true })
}

function secondRecords<T>(job: Job, { settings = {} }: JobTest<T>): JobFault[] {
  const { graph } = job.build({ settings, dataDir: '', mode: 'stream' })
  return graph.nodes.filter(({ kind }) => kind !== 'source').map(({ name }) => ({ node: name, record: 2 }))
}

function wordsFor(fault: JobFault | undefined): string {
  if (fault === undefined) return 'without a fault'
  if ('node' in fault) return `with node "${fault.node}" throwing at record ${fault.record}`
  return `with a throw at ${fault.failpoint}, passing ${fault.passing ?? 1}`
}
