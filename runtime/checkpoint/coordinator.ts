// Coordinator: carries out what decide says, for one attempt of a job.
//
// Owns: the timer, the I/O of the checkpoint in flight, those who wait for a requested one.
// Does not own: any decision (decide), messages and threads (its Commands), files (store, history).
//
// I1. Facts are decided on in the order told; a decision's I/O reports back as a fact.
// I2. close() returns only when no I/O is under way: whoever looks at the disk then sees what there is.

import type { Clock } from '../../src/util/clock.ts'
import { type Deferred, deferred } from '../../src/util/deferred.ts'
import { failpoint } from '../../src/util/failpoint.ts'
import { beginDeciding, type DecideState, decide } from './decide.ts'
import type { Cause, DecideRules, Decision, Fact, FinalReason } from './facts.ts'
import type { CheckpointHistory } from './history.ts'
import type { Manifest } from './manifest.ts'
import type { TaskSnapshot } from './snapshot.ts'
import { type CheckpointStore, PersistOutcomeUnknown, type Retention } from './store.ts'

/** What the coordinator has others do. None of these may throw. */
export interface CoordinatorCommands<C extends Cause> {
  enumerate(checkpoint: number): void
  trigger(checkpoint: number, final: boolean, folder: string): void
  /** `kept`: it can be restored. */
  complete(checkpoint: number, final: boolean, kept: boolean): void
  abort(checkpoint: number): void
  /** How the checkpoint in flight fares. */
  progress(progress: CheckpointProgress): void
  /** Every sink has committed. */
  settled(checkpoint: number): void
  /** Deleting what is no longer needed failed; nothing is lost by it. */
  tidyFailed(cause: C): void
  fail(checkpoint: number | undefined, reason: string, cause: C | undefined): void
  end(reason: FinalReason, checkpoint: number): void
  /** Makes a cause of anything thrown. */
  causeOf(error: unknown): C
}

/** Times in ms since the epoch. */
export interface CheckpointProgress {
  readonly id: number
  readonly status: 'in-progress' | 'complete' | 'failed'
  readonly startedAt: number
  readonly endedAt: number | undefined
  readonly snapshots: readonly TaskSnapshot[]
  readonly reason: string | undefined
}

export interface CoordinatorOptions<C extends Cause> {
  readonly rules: DecideRules
  readonly retention: Retention
  readonly clock: Clock
  readonly store: CheckpointStore
  readonly history: CheckpointHistory
  /** The parts of a manifest that do not change during an attempt. */
  readonly manifest: Pick<Manifest, 'job' | 'keyGroups' | 'graph' | 'mode'>
  /** Others than the last one can be restored by nobody: they are taken where sources ask for one, and not kept. Default false. */
  readonly lastOnly?: boolean
  readonly commands: CoordinatorCommands<C>
}

interface Current {
  readonly id: number
  readonly folder: string
  readonly startedAt: number
}

export class Coordinator<C extends Cause> {
  readonly #options: CoordinatorOptions<C>
  readonly #io = new Set<Promise<void>>()
  #state: DecideState
  #current: Current | undefined
  #cancelLook: (() => void) | undefined
  #closed = false
  /** The last complete checkpoint, while older ones are being deleted; and the one up to which that is done. */
  #tidyAfter: number | undefined
  #tidiedAfter: number | undefined
  /** Waiting for a barrier that is not yet on its way, and for the one that is. */
  #waiting: Deferred<number>[] = []
  #served: Deferred<number>[] = []

  /** Begins to count the interval. */
  constructor(options: CoordinatorOptions<C>) {
    this.#options = options
    this.#state = beginDeciding(options.rules, options.clock.monotonic())
    this.tell({ type: 'tick' })
  }

  /** Tells a fact; decisions are carried out before this returns, their I/O later. */
  tell(fact: Fact<C>): void {
    const verdict = decide(this.#options.rules, this.#state, fact, this.#options.clock.monotonic())
    this.#state = verdict.state
    for (const decision of verdict.decisions) this.#carryOutSafely(decision)
    // A decision that failed has told so meanwhile: then that verdict says when to look.
    if (this.#state === verdict.state) this.#lookAgain(verdict.lookAt)
  }

  /** A checkpoint soon; resolves to its id when it is complete. */
  request(): Promise<number> {
    const waiter = deferred<number>()
    if (this.#closed || this.#state.over) waiter.reject(new Error('the job takes no more checkpoints'))
    else this.#waiting.push(waiter)
    this.tell({ type: 'request' })
    return waiter.promise
  }

  /** Begins nothing more; returns when what was begun on disk has ended. */
  async close(): Promise<void> {
    this.#closed = true
    const cause = this.#options.commands.causeOf(new Error('the attempt ended'))
    if (!this.#state.over) this.tell({ type: 'attempt-failed', cause })
    this.#lookAgain(undefined)
    while (this.#io.size > 0) await Promise.all(this.#io)
    if (this.#current !== undefined) this.#abandon('the attempt ended')
    while (this.#io.size > 0) await Promise.all(this.#io)
  }

  #lookAgain(at: number | undefined): void {
    this.#cancelLook?.()
    this.#cancelLook = undefined
    if (at === undefined || this.#closed) return
    // Timers take 31 bits; looking earlier than needed is harmless.
    const delayMs = Math.min(Math.max(0, at - this.#options.clock.monotonic()), 2 ** 31 - 1)
    this.#cancelLook = this.#options.clock.schedule(delayMs, () => this.tell({ type: 'tick' }))
  }

  #carryOutSafely(decision: Decision<C>): void {
    try {
      this.#carryOut(decision)
    } catch (error) {
      this.tell({ type: 'attempt-failed', cause: this.#options.commands.causeOf(error) })
    }
  }

  #carryOut(decision: Decision<C>): void {
    const { commands } = this.#options
    switch (decision.type) {
      case 'open':
        return this.#perform(() => this.#open())
      case 'enumerate':
        return commands.enumerate(decision.checkpoint)
      case 'trigger':
        return this.#trigger(decision.checkpoint, decision.final)
      case 'persist':
        return this.#perform(() => this.#persist(decision.checkpoint, decision.final, decision.snapshots))
      case 'complete':
        return this.#complete(decision.checkpoint, decision.final)
      case 'settled':
        return commands.settled(decision.checkpoint)
      case 'abort':
        return this.#abort(decision.checkpoint, decision.reason)
      case 'fail':
        this.#rejectAll(decision.reason)
        if (this.#closed) return
        return commands.fail(decision.checkpoint, decision.reason, decision.cause)
      case 'end':
        this.#rejectAll('the job has ended')
        return commands.end(decision.reason, decision.checkpoint)
    }
  }

  async #open(): Promise<void> {
    try {
      const startedAt = this.#options.clock.now()
      const { id, folder } = await this.#options.store.begin()
      this.#current = { id, folder, startedAt }
      if (this.#options.lastOnly !== true) this.#progress('in-progress', [], undefined)
      this.tell({ type: 'opened', checkpoint: id })
    } catch (error) {
      this.tell({ type: 'open-failed', cause: this.#options.commands.causeOf(error) })
    }
  }

  #trigger(checkpoint: number, final: FinalReason | undefined): void {
    this.#served.push(...this.#waiting.splice(0))
    if (final === 'stop') failpoint('stop.final.before')
    this.#options.commands.trigger(checkpoint, final !== undefined, this.#options.store.folderOf(checkpoint))
    failpoint('checkpoint.trigger.sent')
  }

  async #persist(id: number, final: FinalReason | undefined, snapshots: readonly TaskSnapshot[]): Promise<void> {
    if (!this.#isKept(final)) return this.#letPass(id)
    const { store, clock, commands } = this.#options
    const startedAt = this.#current?.startedAt ?? clock.now()
    const manifest: Manifest = {
      ...this.#options.manifest,
      id,
      startedAt,
      completedAt: clock.now(),
      final: final !== undefined,
      tasks: snapshots,
    }
    try {
      await store.persist(manifest)
      this.#progress('complete', snapshots, undefined)
      this.#current = undefined
      this.tell({ type: 'persisted', checkpoint: id })
    } catch (error) {
      const unknown = error instanceof PersistOutcomeUnknown
      // Left as it is: a restart reads whether it is a checkpoint.
      if (unknown) this.#current = undefined
      const cause = commands.causeOf(unknown ? error.cause : error)
      this.tell({ type: 'persist-failed', checkpoint: id, unknown, cause })
    }
  }

  #complete(checkpoint: number, final: FinalReason | undefined): void {
    for (const waiter of this.#served.splice(0)) waiter.resolve(checkpoint)
    const kept = this.#isKept(final)
    if (kept) failpoint('commit.notify.before')
    this.#options.commands.complete(checkpoint, final !== undefined, kept)
    if (!kept) return
    const tidying = this.#tidyAfter !== undefined
    this.#tidyAfter = checkpoint
    if (!tidying) this.#perform(() => this.#tidy())
  }

  #isKept(final: FinalReason | undefined): boolean {
    return final !== undefined || this.#options.lastOnly !== true
  }

  /** It has ordered what sources do, which is all it was for. */
  async #letPass(id: number): Promise<void> {
    const { store, commands } = this.#options
    this.#current = undefined
    await store.remove(id).catch((error: unknown) => commands.tidyFailed(commands.causeOf(error)))
    this.tell({ type: 'persisted', checkpoint: id })
  }

  /** One at a time, however fast checkpoints complete. */
  async #tidy(): Promise<void> {
    const { history, retention, clock, commands } = this.#options
    try {
      while (this.#tidyAfter !== this.#tidiedAfter && this.#tidyAfter !== undefined) {
        this.#tidiedAfter = this.#tidyAfter
        await history.tidy(retention, clock.now(), this.#tidiedAfter)
      }
    } catch (error) {
      commands.tidyFailed(commands.causeOf(error))
    } finally {
      this.#tidyAfter = undefined
    }
  }

  #abort(checkpoint: number, reason: string): void {
    this.#options.commands.abort(checkpoint)
    if (this.#current?.id === checkpoint) this.#abandon(reason)
  }

  /** What tasks write into its folder from now on is removed after the next complete checkpoint. */
  #abandon(reason: string): void {
    const id = this.#current?.id
    this.#progress('failed', [], reason)
    this.#current = undefined
    for (const waiter of this.#served.splice(0)) waiter.reject(new Error(reason))
    if (id !== undefined) {
      const { store, commands } = this.#options
      this.#perform(() => store.remove(id).catch((error: unknown) => commands.tidyFailed(commands.causeOf(error))))
    }
  }

  #progress(
    status: CheckpointProgress['status'],
    snapshots: readonly TaskSnapshot[],
    reason: string | undefined,
  ): void {
    const current = this.#current
    if (current === undefined) return
    const endedAt = status === 'in-progress' ? undefined : this.#options.clock.now()
    const { id, startedAt } = current
    this.#options.commands.progress({ id, status, startedAt, endedAt, snapshots, reason })
  }

  #perform(work: () => Promise<void>): void {
    const running = work().finally(() => this.#io.delete(running))
    this.#io.add(running)
  }

  #rejectAll(reason: string): void {
    for (const waiter of [...this.#waiting.splice(0), ...this.#served.splice(0)]) waiter.reject(new Error(reason))
  }
}
