// GroupCommits: positions of complete checkpoints, committed to a consumer group so that others see how far the job is.
//
// Owns: the positions of checkpoints under way, the commit under way and the one to follow it.
// Does not own: the positions the job goes on from: those are in its checkpoints.
//
// I1. Only positions of a complete checkpoint are committed, and never older ones behind newer ones.
// I2. A commit that fails is said, and never fails or holds up the job: the next one covers it.

import type { RuntimeContext } from '../../../contract/runtime-context.ts'
import { reasonOf } from '../../../errors.ts'
import { systemClock } from '../../../util/clock.ts'
import { commitOffsets } from '../client/group-offsets.ts'
import type { KafkaClient } from '../client/kafka-client.ts'
import type { KafkaSplit } from './kafka-split.ts'

/** How long the end of a job waits for its last commit. */
const CLOSE_WAIT_MS = 2000

type Positions = readonly KafkaSplit[]

export class GroupCommits {
  readonly #client: KafkaClient
  readonly #groupId: string
  readonly #context: RuntimeContext
  readonly #byCheckpoint = new Map<number, Positions>()
  /** Read to their end, and not committed as such yet. */
  readonly #ended = new Map<string, KafkaSplit>()
  #next: Positions | undefined
  /** Why the last commit failed: said once. */
  #reason: string | undefined
  #running: Promise<void> | undefined
  #closed = false

  constructor(client: KafkaClient, groupId: string, context: RuntimeContext) {
    this.#client = client
    this.#groupId = groupId
    this.#context = context
  }

  /** A partition is read to its end: it is in no later snapshot. */
  finished(split: KafkaSplit): void {
    this.#ended.set(split.id, split)
  }

  snapshotted(checkpoint: number, splits: Positions): void {
    this.#byCheckpoint.set(checkpoint, [...splits, ...this.#ended.values()])
  }

  /** Commits what the checkpoint holds, in the background. */
  complete(checkpoint: number): void {
    const positions = this.#byCheckpoint.get(checkpoint)
    for (const id of [...this.#byCheckpoint.keys()]) if (id <= checkpoint) this.#byCheckpoint.delete(id)
    if (positions === undefined || positions.length === 0 || this.#closed) return
    this.#next = positions
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
  }

  /** Waits a little for what is under way. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#running === undefined) return
    let cancel = (): void => {}
    const late = new Promise<void>((resolve) => {
      // A wait for the network: the job's clock may stand still while it closes.
      cancel = systemClock.schedule(CLOSE_WAIT_MS, resolve)
    })
    await Promise.race([this.#running, late])
    cancel()
  }

  async #run(): Promise<void> {
    for (let positions = this.#next; positions !== undefined; positions = this.#next) {
      this.#next = undefined
      try {
        await commitOffsets(this.#client, this.#groupId, positions)
        this.#reason = undefined
        for (const split of positions) if (this.#ended.get(split.id) === split) this.#ended.delete(split.id)
      } catch (error) {
        const reason = reasonOf(error)
        if (reason === this.#reason) continue
        this.#reason = reason
        this.#context.logger.warn('positions could not be committed to the group', { group: this.#groupId, reason })
      }
    }
  }
}
