// EpochRunner: drives transactional sinks: an epoch's records wait in a log on disk until the checkpoint is complete.
//
// Owns: the log of this subtask; which epochs are not known to be applied; the queue of commits.
// Does not own: the target and its marker (the sink).
//
// I1. A checkpoint is acknowledged only when the log holds its epoch durably.
// I2. Epochs are applied in order, one at a time, each at most once: the target's marker decides after a crash.
// I3. Every epoch not known to be applied is in each later checkpoint, aborted checkpoints' epochs included.
// I4. After a restore the log holds nothing of what the restored checkpoint does not know.
// I5. At most BACKLOG_MAX complete epochs wait to be applied: then the next barrier waits, and with it the stream. While any does, the
//     open epoch takes OPEN_BYTES_MAX: a target that is slow, or away, holds up the stream before it fills the disk.

import type { EpochSinkFunction } from '../../src/contract/sink-function.ts'
import { SegmentLog } from '../../src/log/segment-log.ts'
import type { Batch } from '../../src/record/batch.ts'
import { present } from '../../src/util/assert.ts'
import { failpoint } from '../../src/util/failpoint.ts'
import type { Pending } from '../channel/channel.ts'
import type { NodeRestore, NodeSnapshot } from '../checkpoint/snapshot.ts'
import type { SnapshotPart } from './chain-node.ts'
import {
  applyEpoch,
  assertNewEpoch,
  type EpochCommit,
  type EpochPlace,
  logDirectory,
  reapplyEpochs,
  writerName,
} from './epoch-commit.ts'
import { decode, encode } from './msgpack.ts'
import type { SinkRunner } from './sink-runner.ts'

const BACKLOG_MAX = 3
const OPEN_BYTES_MAX = 256 * 1024 * 1024

/** Epoch sinks: logged at once, applied in one transaction each when the checkpoint is complete. */
export class EpochRunner implements SinkRunner {
  readonly #sink: EpochSinkFunction<unknown>
  readonly #place: EpochPlace
  readonly #empty: NodeSnapshot
  readonly #writer: string
  readonly #openBytesMax: number
  #log: SegmentLog | undefined
  #from = 0
  /** Of the open epoch. */
  #openBytes = 0
  /** Ascending; not known to be applied. */
  #prepared: EpochCommit[] = []
  #commits: Promise<void> = Promise.resolve()
  /** How many of them, from the front, belong to complete checkpoints. */
  #due = 0
  /** The last that the target holds. */
  #lastEpoch = -1
  #closed = false

  /** `empty`: a snapshot of this sink in this subtask, to be filled in. */
  constructor(
    sink: EpochSinkFunction<unknown>,
    place: EpochPlace,
    empty: NodeSnapshot,
    openBytesMax: number = OPEN_BYTES_MAX,
  ) {
    this.#openBytesMax = openBytesMax
    this.#sink = sink
    this.#place = place
    this.#empty = empty
    this.#writer = writerName(place, empty.subtask)
  }

  async open(restore: NodeRestore | undefined): Promise<void> {
    const own = this.#empty.subtask
    const commits = (restore?.commits ?? []).flatMap((bytes) => decode(bytes) as EpochCommit[])
    const subtasks = new Set(commits.map(({ subtask }) => subtask)).add(own)
    if (commits.length > 0) failpoint('restore.commit.before')
    for (const subtask of subtasks) {
      const { log, last } = await this.#settleLog(
        subtask,
        commits.filter((commit) => commit.subtask === subtask).sort((a, b) => a.epoch - b.epoch),
      )
      if (subtask !== own) {
        await log.close()
        continue
      }
      this.#log = log
      this.#lastEpoch = last
    }
    this.#from = this.#open.nextSequence
  }

  write(batch: Batch): Pending {
    const payload = this.#sink.logCodec?.encode(batch.values) ?? encode(batch.values)
    this.#open.append(payload)
    this.#openBytes += payload.length
    if (this.#due > 0 && this.#openBytes > this.#openBytesMax) return this.#commits
    return this.#open.ready()
  }

  finishEpoch(epoch: number): Pending {
    const to = this.#open.nextSequence
    if (to > this.#from) {
      // Before the checkpoint is complete: what a complete one holds, and the target seems to hold, is taken for applied.
      assertNewEpoch(this.#place, this.#writer, this.#lastEpoch, epoch)
      this.#prepared.push({ subtask: this.#empty.subtask, epoch, from: this.#from, to })
    }
    this.#from = to
    this.#openBytes = 0
    return this.#due < BACKLOG_MAX ? undefined : this.#commits
  }

  freeze(): SnapshotPart {
    const commit = this.#prepared.length === 0 ? undefined : encode(this.#prepared)
    const log = this.#open
    return {
      encodeSlice: () => true,
      abandon: () => {},
      finish: async () => {
        failpoint('sink.prepare.before')
        await log.sync()
        failpoint('sink.prepare.after')
        return commit === undefined ? undefined : { ...this.#empty, commit }
      },
    }
  }

  complete(checkpoint: number): Pending {
    this.#due += this.#prepared.slice(this.#due).filter(({ epoch }) => epoch <= checkpoint).length
    this.#commits = this.#commits.then(() => this.#applyUpTo(checkpoint))
    // Whoever waits for settled() gets the error; this keeps it from counting as unheard meanwhile.
    this.#commits.catch(() => {})
    return undefined
  }

  settled(): Promise<void> {
    return this.#commits
  }

  async close(): Promise<void> {
    this.#closed = true
    // The epoch being applied is in, or is not, before the next attempt asks the target: two would apply it.
    await this.#commits.catch(() => {})
    await this.#log?.close()
  }

  get #open(): SegmentLog {
    return present(this.#log, 'the log of an open sink')
  }

  async #applyUpTo(checkpoint: number): Promise<void> {
    for (;;) {
      const next = this.#prepared[0]
      if (next === undefined || next.epoch > checkpoint || this.#closed) return
      await applyEpoch(this.#sink, this.#writer, this.#open, next)
      this.#lastEpoch = next.epoch
      this.#prepared.shift()
      this.#due -= 1
      failpoint('sink.commit.after')
      if (!this.#closed) await this.#open.truncateBefore(next.to)
    }
  }

  /** Applies what a restored checkpoint holds of one log, and cuts the log behind and before it. `last`: what the target then holds. */
  async #settleLog(
    subtask: number,
    commits: readonly EpochCommit[],
  ): Promise<{ readonly log: SegmentLog; readonly last: number }> {
    const { fileSystem } = this.#place
    const log = await SegmentLog.open(
      logDirectory(this.#place, subtask),
      fileSystem === undefined ? {} : { fileSystem },
    )
    try {
      const last = await reapplyEpochs(this.#sink, writerName(this.#place, subtask), log, commits)
      const to = commits.at(-1)?.to ?? 0
      if (log.nextSequence > to) await log.truncateAfter(to - 1)
      await log.truncateBefore(log.nextSequence)
      return { log, last }
    } catch (error) {
      await log.close()
      throw error
    }
  }
}
