// TaskSnapshots: the part of a checkpoint that happens after the freeze, beside the stream.
//
// Owns: the snapshot under way (one at a time). Does not own: the freeze (operator-chain); the folder (the coordinator's).
//
// I1. A snapshot ends in exactly one of: acknowledged, declined, aborted (which says nothing).
// I2. Nothing is acknowledged before every part is durable.
// I3. What failed or was aborted is abandoned: its entries are still dirty for the next one.
// I4. A new one begins only when the one before has ended, its files included.

import { isMillraceError, MillraceError, reasonOf } from '../../src/errors.ts'
import type { Clock } from '../../src/util/clock.ts'
import { failpoint } from '../../src/util/failpoint.ts'
import type { Pending } from '../channel/channel.ts'
import type { NodeSnapshot, SnapshotTimes } from '../checkpoint/snapshot.ts'
import type { SnapshotPart } from './chain-node.ts'
import { failureOf } from './failure.ts'
import type { TaskEnvironment } from './task-environment.ts'

interface UnderWay {
  readonly checkpoint: number
  readonly parts: readonly SnapshotPart[]
  readonly frozenAt: number
  readonly times: Omit<SnapshotTimes, 'asyncMs'>
  state: 'encoding' | 'writing' | 'over'
  aborted: boolean
}

/** Takes frozen parts to an acknowledgement. */
export class TaskSnapshots {
  readonly #environment: TaskEnvironment
  readonly #clock: Clock
  readonly #stateBytes: () => number
  readonly #wake: () => void
  #underWay: UnderWay | undefined
  #writing: Promise<void> | undefined

  /** `wake` is called when a task that sleeps should look again. */
  constructor(environment: TaskEnvironment, options: { readonly stateBytes: () => number; readonly wake: () => void }) {
    this.#environment = environment
    this.#clock = environment.clock
    this.#stateBytes = options.stateBytes
    this.#wake = options.wake
  }

  /** Whether slice() has something to do. */
  get encoding(): boolean {
    return this.#underWay?.state === 'encoding'
  }

  /** Ends what is under way for an older checkpoint; to be awaited before the next freeze. */
  settle(): Pending {
    if (this.#underWay !== undefined) this.abort(this.#underWay.checkpoint)
    return this.#writing
  }

  begin(checkpoint: number, parts: readonly SnapshotPart[], times: Omit<SnapshotTimes, 'asyncMs'>): void {
    const underWay: UnderWay = {
      checkpoint,
      parts,
      frozenAt: this.#clock.monotonic(),
      times,
      state: 'encoding',
      aborted: false,
    }
    this.#underWay = underWay
    try {
      failpoint('task.snapshot.frozen')
    } catch (error) {
      this.#decline(underWay, error)
    }
    this.#wake()
  }

  /** Encodes for about budgetMs; begins to write when all is encoded. */
  slice(budgetMs: number): void {
    const underWay = this.#underWay
    if (underWay === undefined || underWay.state !== 'encoding') return
    const until = this.#clock.monotonic() + budgetMs
    try {
      for (const part of underWay.parts) {
        if (!part.encodeSlice(Math.max(0, until - this.#clock.monotonic()))) return
      }
    } catch (error) {
      this.#decline(underWay, error)
      return
    }
    underWay.state = 'writing'
    this.#writing = this.#write(underWay).finally(() => {
      this.#writing = undefined
      this.#wake()
    })
  }

  abort(checkpoint: number): void {
    const underWay = this.#underWay
    if (underWay === undefined || underWay.checkpoint > checkpoint) return
    underWay.aborted = true
    this.#abandon(underWay)
  }

  async #write(underWay: UnderWay): Promise<void> {
    const { checkpoint, parts } = underWay
    try {
      const folder = await this.#environment.folderOf(checkpoint)
      const snapshots = await finishAll(parts, folder)
      failpoint('task.ack.before')
      if (!underWay.aborted) this.#acknowledge(underWay, snapshots)
      this.#end(underWay)
    } catch (error) {
      if (!underWay.aborted) this.#decline(underWay, error)
    }
  }

  #acknowledge({ checkpoint, times, frozenAt }: UnderWay, nodes: readonly NodeSnapshot[]): void {
    const { task, subtask, listener } = this.#environment
    const asyncMs = this.#clock.monotonic() - frozenAt
    listener.acknowledged(checkpoint, {
      task,
      subtask,
      nodes,
      times: { ...times, asyncMs },
      stateBytes: this.#stateBytes(),
    })
  }

  #decline(underWay: UnderWay, error: unknown): void {
    const { subtask, listener } = this.#environment
    const { checkpoint } = underWay
    const failure = isMillraceError(error)
      ? error
      : new MillraceError('CHECKPOINT_FAILED', { checkpoint, reason: reasonOf(error) }, error)
    this.#abandon(underWay)
    listener.declined(checkpoint, failureOf(failure, { node: undefined, subtask }))
  }

  #abandon(underWay: UnderWay): void {
    this.#end(underWay)
    for (const part of underWay.parts) part.abandon()
  }

  #end(underWay: UnderWay): void {
    underWay.state = 'over'
    if (this.#underWay === underWay) this.#underWay = undefined
  }
}

/** All parts, each to its end even if another fails, so that nothing is still being written afterwards. */
async function finishAll(parts: readonly SnapshotPart[], folder: string): Promise<NodeSnapshot[]> {
  const results = await Promise.allSettled(parts.map((part) => part.finish(folder)))
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return results.flatMap((result) =>
    result.status === 'fulfilled' && result.value !== undefined ? [result.value] : [],
  )
}
