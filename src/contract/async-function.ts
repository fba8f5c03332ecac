import { RichFunction } from './process-function.ts'

/** What an asynchronous call may know of itself. */
export interface CallContext {
  /** Aborted when the answer is no longer waited for. */
  readonly signal: AbortSignal
  /** From 1. */
  readonly attempt: number
}

/** Asks an outside service about each record: `open` may connect to it, `close` hang up. Calls of invoke overlap. */
export abstract class AsyncFunction<In, Out> extends RichFunction {
  /** Only in the types: see ProcessFunction. */
  declare protected readonly takes: (value: In) => void
  /** The answer for one record. May be asked again about the same: after a failure, a timeout, a restore. */
  abstract invoke(value: In, context: CallContext): Promise<Out>
}
