// RequestBox: what other processes ask of a running job, through files in its folder.
//
// Who asks writes `<name>.request` and waits for `<name>.answer`; the process that runs the job looks every POLL_MS. No port is
// opened: whoever may write the job's folder may ask.
//
// Owns: the folder requests/.
// Does not own: what is asked for (Run), who runs the job (job-lock).
//
// I1. A request is read whole, by one process, and once: it gets its name when it is written and another when it is taken.
// I2. Each that is taken is answered, also when what was asked for failed.
// I3. No state depends on it: what a crash leaves here is deleted by the next run.

import { randomUUID } from 'node:crypto'
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { reasonOf } from '../../src/errors.ts'
import type { Clock } from '../../src/util/clock.ts'
import type { Run } from './run-types.ts'

/** `checkpoint`: one now; answered when it is complete. `stop`: end after a last one; answered at once. */
export type Wanted = 'checkpoint' | 'stop'

/** What came of a request. */
export type Answer =
  | { readonly kind: 'checkpoint'; readonly checkpoint: number }
  | { readonly kind: 'stopping' }
  | { readonly kind: 'failed'; readonly reason: string }

const POLL_MS = 100
const REQUEST = '.request'
const TAKEN = '.taken'
const ANSWER = '.answer'

export interface RequestBoxOptions {
  readonly folder: string
  readonly run: Pick<Run, 'checkpoint' | 'stop'>
  readonly clock: Clock
}

export class RequestBox {
  readonly #options: RequestBoxOptions
  #forget: (() => void) | undefined
  #closed = false

  constructor(options: RequestBoxOptions) {
    this.#options = options
  }

  /** Deletes what an earlier run left, then answers until close(). */
  async open(): Promise<void> {
    const { folder } = this.#options
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { mode: 0o700 })
    this.#lookLater()
  }

  close(): void {
    this.#closed = true
    this.#forget?.()
  }

  #lookLater(): void {
    if (this.#closed) return
    this.#forget = this.#options.clock.schedule(POLL_MS, () => {
      // A folder that cannot be read now may be later; whoever asks hears that nobody answers.
      this.#look()
        .catch(() => {})
        .finally(() => this.#lookLater())
    })
  }

  async #look(): Promise<void> {
    const { folder } = this.#options
    const names = (await readdir(folder)).filter((name) => name.endsWith(REQUEST))
    for (const name of names) await this.#take(join(folder, name.slice(0, -REQUEST.length)))
  }

  async #take(path: string): Promise<void> {
    await rename(path + REQUEST, path + TAKEN)
    const wanted = (await readFile(path + TAKEN, 'utf8')) as Wanted
    if (wanted === 'stop') {
      await answer(path, { kind: 'stopping' })
      void this.#options.run.stop()
    } else {
      // Not awaited: other requests need not wait for this one's checkpoint.
      void this.#checkpoint(path).catch(() => {})
    }
  }

  async #checkpoint(path: string): Promise<void> {
    const outcome = await this.#options.run.checkpoint().then(
      (checkpoint): Answer => ({ kind: 'checkpoint', checkpoint }),
      (error): Answer => ({ kind: 'failed', reason: reasonOf(error) }),
    )
    await answer(path, outcome)
  }
}

/** First the answer, then no more sign of the question: who asked looks in the other order. */
async function answer(path: string, outcome: Answer): Promise<void> {
  await write(path, ANSWER, JSON.stringify(outcome))
  await rm(path + TAKEN)
}

export interface AskOptions {
  readonly folder: string
  readonly wanted: Wanted
  /** Whether a process runs the job. */
  readonly isRunning: () => Promise<boolean>
  /** How long a request may lie there before it is withdrawn. */
  readonly takeWithinMs: number
}

type Outcome = Answer | { readonly kind: 'ended' | 'ignored' }

/** Asks the process that runs a job. `ended`: it ended before it answered. `ignored`: it did not take the request in time. */
export async function askRunningJob(options: AskOptions): Promise<Outcome> {
  const path = join(options.folder, randomUUID())
  const withdrawAt = performance.now() + options.takeWithinMs
  try {
    for (;;) {
      const runs = await options.isRunning()
      const outcome = await look(path, options.wanted, performance.now() > withdrawAt)
      if (outcome !== undefined) return outcome
      if (!runs) return { kind: 'ended' }
      await sleep(POLL_MS / 2)
    }
  } finally {
    for (const ending of [REQUEST, ANSWER]) await rm(path + ending, { force: true })
  }
}

/** One look at how far a request has come; in the order in which it goes, so that it cannot slip by. */
async function look(path: string, wanted: Wanted, late: boolean): Promise<Outcome | undefined> {
  if (await there(path + REQUEST)) return late && (await withdrawn(path)) ? { kind: 'ignored' } : undefined
  if (await there(path + TAKEN)) return undefined
  const answer = await readFile(path + ANSWER, 'utf8').catch(() => undefined)
  if (answer !== undefined) return JSON.parse(answer) as Answer
  if (late) return { kind: 'ignored' }
  // The first time; or the folder is not there yet, or a run that begins has swept it.
  await write(path, REQUEST, wanted).catch(() => {})
  return undefined
}

/** False: it has been taken meanwhile. */
async function withdrawn(path: string): Promise<boolean> {
  return rm(path + REQUEST).then(
    () => true,
    () => false,
  )
}

async function there(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

async function write(path: string, ending: string, text: string): Promise<void> {
  await writeFile(`${path}${ending}.part`, text)
  await rename(`${path}${ending}.part`, path + ending)
}
