// SimProcess: one life of the simulated job's process: what it does to the world takes time, may fail, and dies with it.
//
// Owns: which of its operations are under way.
// Does not own: the world (disk, targets), when it dies (simulation).
//
// I1. An operation has its effect at once when its time comes, never before it was asked for; after a crash each one that was
//     under way has happened, happened in part or not happened at all.

import type { Faults } from './scenario.ts'
import type { Owner, Timeline } from './timeline.ts'

interface Operation {
  readonly owner: Owner
  readonly effect: () => unknown
  /** What a crash in the middle of it leaves. */
  readonly torn: (() => void) | undefined
}

export interface OperationOptions {
  /** Undefined: it cannot be half done. */
  readonly torn?: () => void
  readonly latencyMs?: number
  /** What it rejects with if it fails; undefined: it never fails. */
  readonly failure?: () => Error
}

/** Where functions of a job run: what they do to the world is done through it. */
export interface Site {
  readonly timeline: Timeline
  readonly faults: Faults
  operate<T>(effect: () => T, options?: OperationOptions): Promise<T>
}

export class SimProcess implements Owner, Site {
  readonly timeline: Timeline
  readonly faults: Faults
  readonly #underWay = new Set<Operation>()
  #alive = true

  constructor(timeline: Timeline, faults: Faults) {
    this.timeline = timeline
    this.faults = faults
  }

  get alive(): boolean {
    return this.#alive
  }

  /** Does something to the world, in a while. `owner`: the worker that asks; it may die alone. */
  operate<T>(effect: () => T, options: OperationOptions = {}, owner: Owner = this): Promise<T> {
    if (!this.#alive || !owner.alive) return new Promise(() => {})
    const { faults, timeline } = this
    const operation: Operation = { owner, effect, torn: options.torn }
    this.#underWay.add(operation)
    return new Promise((resolve, reject) => {
      timeline.after(options.latencyMs ?? faults.latency(), owner, () => {
        this.#underWay.delete(operation)
        if (options.failure !== undefined && faults.fails()) {
          if (timeline.rng.int(2) === 0) attempt(effect)
          return reject(options.failure())
        }
        try {
          resolve(effect())
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  /** The site of one worker. */
  siteOf(owner: Owner): Site {
    const { timeline, faults } = this
    return { timeline, faults, operate: (effect, options) => this.operate(effect, options, owner) }
  }

  /** Nothing of it happens any more. */
  die(): void {
    this.#alive = false
    this.settle()
  }

  /** Decides what became of the operations of those who have died. */
  settle(): void {
    const { rng } = this.timeline
    for (const operation of this.#underWay) {
      const { owner, effect, torn } = operation
      if (owner.alive) continue
      this.#underWay.delete(operation)
      const fate = rng.int(3)
      if (fate === 0) attempt(effect)
      else if (fate === 1 && torn !== undefined) attempt(torn)
    }
  }
}

/** An operation that would have failed has no effect. */
function attempt(effect: () => unknown): void {
  try {
    effect()
  } catch (error) {
    if (!(error instanceof Error)) throw error
  }
}
