// JobProcesses: several jobs of one file, each in a process of its own.
//
// Owns: the processes, when one that died is started again, what the exit code is.
// Does not own: running a job (each process is `run-job FILE --job NAME`); restarts within a process (control/job-manager).
//
// I1. A process that was killed or crashed is started again, under its job's restart strategy, without the others noticing. One that ended
//     with a verdict (finished, stopped, failed, misuse) is not: its job has made its own attempts.
// I2. A signal goes on to every process; from then on none is started.
// I3. It ends when every job has ended. The exit code is that of the first that failed, else 0.

import type { Writable } from 'node:stream'
import type { RestartOptions } from '../../src/graph/job.ts'
import { type Deferred, deferred } from '../../src/util/deferred.ts'
import type { Rng } from '../../src/util/rng.ts'
import { afterFailure, NO_FAILURES, type RestartHistory } from '../control/restart-strategy.ts'
import { EXIT } from './command.ts'
import { formatDuration } from './format.ts'
import { LinePrefix } from './line-prefix.ts'

/** How a process ended: a signal, or an exit code. */
export interface ProcessEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A process that runs one job. */
export interface JobProcess {
  readonly pid: number | undefined
  readonly stdout: NodeJS.ReadableStream
  readonly stderr: NodeJS.ReadableStream
  /** Resolves once it has ended and its output is read. Rejects if it cannot be started. */
  readonly ended: Promise<ProcessEnd>
  kill(signal: NodeJS.Signals): void
}

export interface JobProcessesOptions {
  readonly jobs: readonly { readonly name: string; readonly restart: RestartOptions }[]
  readonly start: (job: string) => JobProcess
  /** Monotonic ms. */
  readonly now: () => number
  readonly rng: Rng
  readonly stdout: Writable
  readonly stderr: Writable
  /** Lines say themselves which job they are of. */
  readonly plain: boolean
}

const VERDICTS: ReadonlySet<number | null> = new Set(Object.values(EXIT))

/** Runs them all; `run` resolves to the exit code. */
export class JobProcesses {
  readonly #options: JobProcessesOptions
  readonly #running = new Map<string, JobProcess>()
  readonly #stopping: Deferred = deferred()
  readonly #width: number
  /** The signal that was passed on. */
  #stoppedBy: NodeJS.Signals | undefined
  #firstFailure: number | undefined

  constructor(options: JobProcessesOptions) {
    this.#options = options
    this.#width = Math.max(...options.jobs.map(({ name }) => name.length))
  }

  async run(): Promise<number> {
    await Promise.all(this.#options.jobs.map(({ name, restart }) => this.#keep(name, restart)))
    return this.#firstFailure ?? EXIT.done
  }

  signal(signal: NodeJS.Signals): void {
    this.#stoppedBy ??= signal
    this.#stopping.resolve()
    for (const process of this.#running.values()) process.kill(signal)
  }

  /** Runs one job to its verdict. */
  async #keep(name: string, restart: RestartOptions): Promise<void> {
    let history: RestartHistory = NO_FAILURES
    while (this.#stoppedBy === undefined) {
      const startedAt = this.#options.now()
      const end = await this.#runOnce(name)
      const now = this.#options.now()
      if (end.signal === null && VERDICTS.has(end.code)) return this.#verdict(end.code ?? EXIT.failed)
      const how = end.signal ?? `exit code ${end.code}`
      // One that was only just starting knows no signals yet, and has done nothing.
      if (this.#stoppedBy !== undefined && end.signal === this.#stoppedBy) return
      if (this.#stoppedBy !== undefined) return this.#verdict(EXIT.failed, name, `ended by ${how}`)
      const next = afterFailure(restart, history, { now, ranMs: now - startedAt }, this.#options.rng)
      if (next.delayMs === undefined) return this.#verdict(EXIT.failed, name, `ended by ${how}; not started again`)
      history = next.history
      this.#say(name, `ended by ${how}; started again in ${formatDuration(next.delayMs)}`)
      await this.#pause(next.delayMs)
    }
  }

  async #runOnce(name: string): Promise<ProcessEnd> {
    const process = this.#options.start(name)
    this.#running.set(name, process)
    const { stdout, stderr } = this.#options
    const pipes = [
      new LinePrefix(process.stdout, stdout, this.#prefix(name)),
      new LinePrefix(process.stderr, stderr, this.#prefix(name)),
    ]
    try {
      return await process.ended
    } finally {
      for (const pipe of pipes) pipe.end()
      this.#running.delete(name)
    }
  }

  #verdict(code: number, name?: string, what?: string): void {
    if (name !== undefined && what !== undefined) this.#say(name, what)
    if (code !== EXIT.done) this.#firstFailure ??= code
  }

  #say(name: string, what: string): void {
    const { plain, stderr } = this.#options
    const note = { at: Date.now(), job: name, type: 'note', message: `its process ${what}` }
    stderr.write(plain ? `${JSON.stringify(note)}\n` : `${this.#prefix(name)}its process ${what}\n`)
  }

  #prefix(name: string): string {
    return this.#options.plain ? '' : `${name.padEnd(this.#width)} | `
  }

  async #pause(delayMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const passed = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, delayMs)
    })
    await Promise.race([passed, this.#stopping.promise])
    clearTimeout(timer)
  }
}
