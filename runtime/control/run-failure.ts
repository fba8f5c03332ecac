import { isMillraceError, MillraceError, reasonOf } from '../../src/errors.ts'
import { failureOf } from '../task/failure.ts'
import type { FailureInfo } from '../worker/messages.ts'

const NOWHERE = { node: undefined, subtask: undefined }

/** A failure that a worker told of, or that happened here, on its way to whoever decides about a restart. */
export class RunFailure extends Error {
  readonly failure: FailureInfo

  constructor(failure: FailureInfo) {
    super(failure.message)
    this.failure = failure
  }
}

/** What a person needs to know of anything thrown on the main thread. */
export function failureFrom(error: unknown): FailureInfo {
  return error instanceof RunFailure ? error.failure : failureOf(error, NOWHERE)
}

/** Of an error met while taking a checkpoint: unless it is one of ours it is no reason never to try again. */
export function checkpointFailure(checkpoint: string, error: unknown): FailureInfo {
  if (isMillraceError(error) || error instanceof RunFailure) return failureFrom(error)
  return failureFrom(new MillraceError('CHECKPOINT_FAILED', { checkpoint, reason: reasonOf(error) }, error))
}

/** A worker that ended or does not answer. */
export function workerLost(worker: number, reason: string): FailureInfo {
  return failureFrom(new MillraceError('WORKER_LOST', { worker, reason }))
}
