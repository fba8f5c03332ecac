// The states of a job and the moves between them, as a table.

import { MillraceError } from '../../src/errors.ts'
import type { JobState } from './run-types.ts'

interface StateRow {
  /** One sentence, for people. */
  readonly meaning: string
  readonly next: readonly JobState[]
}

/** Each state: what it means, and where it may lead. */
export const JOB_STATES: Readonly<Record<JobState, StateRow>> = {
  created: {
    meaning: 'Asked for; nothing is locked, loaded or opened yet.',
    next: ['starting', 'failing', 'stopping', 'cancelled'],
  },
  starting: {
    meaning: 'Workers load the job file; tasks are opened and restored; no record has moved in this attempt.',
    next: ['running', 'stopping', 'restarting', 'failing', 'cancelled'],
  },
  running: {
    meaning: 'Records flow and checkpoints are taken.',
    next: ['stopping', 'restarting', 'failing', 'finished', 'cancelled'],
  },
  stopping: {
    meaning: 'A stop was asked for: the last checkpoint is being taken, then its sinks commit.',
    next: ['stopped', 'finished', 'failing', 'cancelled'],
  },
  restarting: {
    meaning: 'An attempt failed; its tasks are closed and the delay before the next one runs.',
    next: ['starting', 'stopping', 'failing', 'cancelled'],
  },
  failing: {
    meaning: 'It failed and will not be restarted; tasks are being closed.',
    next: ['failed', 'cancelled'],
  },
  finished: { meaning: 'Every source ended, every sink committed and has passed on what it committed.', next: [] },
  stopped: { meaning: 'Ended on request; started again, it goes on from its latest checkpoint.', next: [] },
  failed: { meaning: 'Ended by a failure; its state is kept.', next: [] },
  cancelled: { meaning: 'Ended at once on request; as after a crash, its latest checkpoint is kept.', next: [] },
}

/** True for the states that nothing follows. */
export function isTerminal(state: JobState): boolean {
  return JOB_STATES[state].next.length === 0
}

/** Checks a move. Throws INVARIANT for one that the table does not have. */
export function moveTo(from: JobState, to: JobState): JobState {
  if (JOB_STATES[from].next.includes(to)) return to
  throw new MillraceError('INVARIANT', { what: `a job cannot go from ${from} to ${to}` })
}
