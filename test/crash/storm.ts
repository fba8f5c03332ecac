// What storms have in common: a job's processes, killed one after the other, and a network that fails meanwhile.

import { join } from 'node:path'
import type { Rng } from '../../src/util/rng.ts'
import type { FaultProxy } from '../support/fault-proxy.ts'
import { type BinProcess, startBin } from '../support/run-job.ts'

const given = process.env.MILLRACE_SEED

/** Seeds of so many storms; MILLRACE_SEED=17 repeats one. */
export const seeds = (count: number): number[] =>
  given === undefined ? Array.from({ length: count }, (_, index) => index + 1) : [Number(given)]

/** The job's processes, one after the other: none outlives the test, be it that this took too long. */
export class Runs {
  readonly #rng: Rng
  readonly #restarts: number
  readonly #via: readonly string[]
  #now: BinProcess | undefined
  #ended = false

  /** `restarts`: how often the job may fail and go on by itself. `via`: a command that runs it. */
  constructor(rng: Rng, restarts: number, via: readonly string[] = []) {
    this.#rng = rng
    this.#restarts = restarts
    this.#via = via
  }

  start(folder: string, args: readonly string[], restarts = this.#restarts): BinProcess {
    if (this.#ended) throw new Error('the test has ended')
    const strategy = ['--restart', 'fixed-delay', '--restart-attempts', String(restarts), '--restart-delay', '200ms']
    const common = [
      ...['--data-dir', join(folder, 'data'), '--parallelism', String(1 + this.#rng.int(3))],
      ...['--checkpoint-interval', '100ms'],
      ...(restarts === 0 ? ['--restart', 'none'] : strategy),
    ]
    this.#now = startBin('run-job', [...args, ...common], { via: this.#via })
    return this.#now
  }

  /** Kills what runs, and lets nothing start any more. */
  async end(): Promise<void> {
    this.#ended = true
    this.#now?.child.kill('SIGKILL')
    await this.#now?.result
  }
}

/**
 * Breaks connections in every way, one after the other, until what it returns is called; then all is well. From fault to fault there is more
 * time, so that a job gets somewhere on the slowest of machines.
 */
export function disturb(proxy: FaultProxy, rng: Rng): () => Promise<void> {
  let over = false
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
  const troubles = async (): Promise<void> => {
    for (let faults = 0; !over; faults++) {
      await pause(rng.int(500) + 20 * faults)
      const trouble = rng.int(4)
      if (trouble === 0) proxy.set({ resetAfterBytes: 1 + rng.int(60_000) })
      if (trouble === 1) proxy.set({ delayMs: rng.int(30) })
      if (trouble === 2) proxy.set({ halfOpen: true })
      await pause(100 + rng.int(700))
      proxy.set()
      if (trouble > 1) proxy.cut()
    }
  }
  const ended = troubles()
  return () => {
    over = true
    return ended
  }
}

/** While it starts, reads in full, follows, or takes a checkpoint. A job that ends by itself meanwhile has failed. */
export async function killAtRandom({ child, result, seen }: BinProcess, rng: Rng, withinMs = 900): Promise<void> {
  const waitFor = rng.int(4) === 0 ? Promise.resolve() : seen(/status=complete/)
  await waitFor.catch(() => {}) // its end is told below
  await new Promise((resolve) => setTimeout(resolve, rng.int(withinMs)))
  child.kill('SIGKILL')
  const { code, stderr } = await result
  if (code !== null) throw new Error(`the job ended by itself, with ${code}:\n${stderr.slice(-6000)}`)
}

/** Ends it in order once `isDone` holds. */
export async function stopWhen({ signal, seen, result }: BinProcess, isDone: () => Promise<boolean>): Promise<void> {
  await seen(/status=complete/).catch(() => {}) // before, what it writes may be locked
  const ended = result.then(() => true)
  const waited = (): Promise<boolean> => new Promise((resolve) => setTimeout(() => resolve(false), 50))
  while (!(await isDone())) if (await Promise.race([ended, waited()])) return
  signal('SIGTERM')
}
