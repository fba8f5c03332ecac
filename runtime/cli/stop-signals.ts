// StopSignals: what SIGINT, SIGTERM and a closed stdout mean to a run.
//
// Owns: the process's signal handlers from listen() to release().
// Does not own: stopping (Run.stop takes the last checkpoint and commits).
//
// I1. The first signal asks for a stop, once. A run that has not stopped STOP_TIMEOUT_MS later is cancelled.
// I2. A second signal ends the process at once. It is no worse than kill -9, which loses nothing.
// I3. Signals within REPEAT_MS of the first are the same one: a shell's ctrl-C reaches both npx and us, and npx passes it on.

import { constants } from 'node:os'
import type { Run } from '../control/run-types.ts'

/** A supervisor commonly kills after 10 s: the cancel must be over by then. */
export const STOP_TIMEOUT_MS = 9_000
export const REPEAT_MS = 250

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
type Signal = (typeof SIGNALS)[number]

export interface StopSignalsOptions {
  readonly run: Pick<Run, 'stop' | 'cancel'>
  readonly stdout: NodeJS.WriteStream
  readonly say: (text: string) => void
  /** The last complete checkpoint, for the message when the stop took too long. */
  readonly lastCheckpoint: () => number | undefined
  readonly exit?: (code: number) => void
  readonly now?: () => number
}

export class StopSignals {
  readonly #options: StopSignalsOptions
  readonly #handlers: ReadonlyMap<Signal, () => void>
  readonly #onStdoutError = (error: NodeJS.ErrnoException): void => {
    if (error.code === 'EPIPE') this.#stop('stdout was closed by its reader')
  }
  readonly #now: () => number
  #stoppingSinceMs: number | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: StopSignalsOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#handlers = new Map(SIGNALS.map((signal) => [signal, () => this.#receive(signal)]))
  }

  listen(): void {
    for (const [signal, handler] of this.#handlers) process.on(signal, handler)
    this.#options.stdout.on('error', this.#onStdoutError)
  }

  release(): void {
    for (const [signal, handler] of this.#handlers) process.off(signal, handler)
    this.#options.stdout.off('error', this.#onStdoutError)
    clearTimeout(this.#timer)
  }

  #receive(signal: Signal): void {
    const since = this.#stoppingSinceMs
    if (since === undefined) return this.#stop(`${signal}: taking a last checkpoint; once more ends at once`)
    if (this.#now() - since < REPEAT_MS) return
    const exit = this.#options.exit ?? ((code) => process.exit(code))
    exit(128 + constants.signals[signal])
  }

  #stop(why: string): void {
    if (this.#stoppingSinceMs !== undefined) return
    this.#stoppingSinceMs = this.#now()
    const { run, say } = this.#options
    say(why)
    this.#timer = setTimeout(() => {
      say(`The last checkpoint did not complete in ${STOP_TIMEOUT_MS / 1000}s: ${this.#whatIsKept()}`)
      void run.cancel()
    }, STOP_TIMEOUT_MS)
    // The outcome, good or bad, is in run.result, which the run command awaits.
    run.stop().catch(() => {})
  }

  #whatIsKept(): string {
    const checkpoint = this.#options.lastCheckpoint()
    return checkpoint === undefined ? 'the job will begin anew' : `the state is that of checkpoint ${checkpoint}`
  }
}
