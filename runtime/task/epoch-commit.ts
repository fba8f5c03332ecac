// The commit of epochs: from an epoch sink's log into its target, once each.

import { join } from 'node:path'
import type { EpochSinkFunction } from '../../src/contract/sink-function.ts'
import { MillraceError } from '../../src/errors.ts'
import type { SegmentLog } from '../../src/log/segment-log.ts'
import { failpoint } from '../../src/util/failpoint.ts'
import type { FileSystem } from '../../src/util/file-system.ts'
import { decode } from './msgpack.ts'

/** An epoch that is in the log and is to be applied: records `from` to before `to` of the log of `subtask`. */
export interface EpochCommit {
  readonly subtask: number
  readonly epoch: number
  readonly from: number
  readonly to: number
}

/** Where an epoch sink's logs are, and the names of their writers. */
export interface EpochPlace {
  readonly job: string
  readonly node: string
  readonly jobDir: string
  /** Default: this machine's. */
  readonly fileSystem?: FileSystem
}

export function logDirectory({ jobDir, node }: EpochPlace, subtask: number): string {
  return join(jobDir, 'sinks', node, String(subtask))
}

/** The name under which the target keeps the last epoch. */
export function writerName({ job, node }: EpochPlace, subtask: number): string {
  return `${job}/${node}/${subtask}`
}

/** Applies one epoch of a log. */
export async function applyEpoch(
  sink: EpochSinkFunction<unknown>,
  writer: string,
  log: SegmentLog,
  commit: EpochCommit,
): Promise<void> {
  failpoint('sink.commit.before')
  await sink.apply(writer, commit.epoch, { [Symbol.asyncIterator]: () => readBatches(sink, log, commit) })
  failpoint('sink.commit.middle')
}

/**
 * Applies those of the epochs of one log that the target does not hold yet, in order. Returns the last that it then holds.
 * An epoch that was restored may be in already: the answer to its commit was lost with the process.
 */
export async function reapplyEpochs(
  sink: EpochSinkFunction<unknown>,
  writer: string,
  log: SegmentLog,
  commits: readonly EpochCommit[],
): Promise<number> {
  let last = await sink.lastEpoch(writer, commits.length > 0)
  for (const commit of commits) {
    if (commit.epoch <= last) continue
    await applyEpoch(sink, writer, log, commit)
    last = commit.epoch
  }
  return last
}

/** Checks that the epoch is new to the target. Throws SINK_TARGET_AHEAD: it would be taken for a repetition, and lost. */
export function assertNewEpoch(place: EpochPlace, writer: string, last: number, epoch: number): void {
  if (epoch > last) return
  throw new MillraceError('SINK_TARGET_AHEAD', { node: place.node, last, writer, epoch })
}

async function* readBatches(
  { logCodec }: EpochSinkFunction<unknown>,
  log: SegmentLog,
  { from, to }: EpochCommit,
): AsyncGenerator<readonly unknown[]> {
  // Asked first: a log that ends before `to` would give less without a word.
  if (log.nextSequence < to) throw log.missing(to - 1)
  for await (const { sequence, payload } of log.readFrom(from)) {
    if (sequence >= to) return
    yield logCodec?.decode(payload) ?? (decode(payload) as readonly unknown[])
  }
}
