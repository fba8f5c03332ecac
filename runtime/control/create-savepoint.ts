// Making a savepoint from outside the process that runs the job, if one does.

import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MillraceError } from '../../src/errors.ts'
import { nodeFs } from '../checkpoint/fs.ts'
import type { CheckpointHistory } from '../checkpoint/history.ts'
import { type PinnedCheckpoint, pinCheckpoint, removeLeftovers, writeSavepoint } from '../checkpoint/savepoint.ts'
import { loadManifest } from '../checkpoint/store.ts'
import { exportState } from '../state/export-state.ts'
import { lookAt } from './checkpoint-tools.ts'
import { lockHolder, processExists } from './job-lock.ts'
import { pinLatest } from './pin-latest.ts'
import { askRunningJob, type Wanted } from './request-box.ts'
import { verifyState } from './verify-state.ts'

export interface SavepointOptions {
  /** A retained checkpoint to make it of. Default: one taken now if the job runs, else the latest. */
  readonly checkpoint?: number
  /** A file that is not there yet. Default: `<job>/savepoints/<id>.savepoint`. */
  readonly path?: string
  /** Stop the job first; the savepoint is of its last checkpoint. */
  readonly stop?: boolean
}

const TAKE_WITHIN_MS = 10_000
const LOOK_EVERY_MS = 50

type Looked = Awaited<ReturnType<typeof lookAt>>

/**
 * Writes what a checkpoint holds into one file that no retention deletes and any parallelism can start from, and returns its name.
 * A running job is asked for a checkpoint first. The file appears whole or not at all. Throws SAVEPOINT_FAILED,
 * CHECKPOINT_NOT_FOUND, CHECKPOINT_CORRUPT, IO.
 */
export async function createSavepoint(dataDir: string, job: string, options: SavepointOptions = {}): Promise<string> {
  const looked = await lookAt(dataDir, job)
  const { savepoints } = looked.layout
  const wanted = options.path === undefined ? undefined : resolve(options.path)
  await removeLeftovers(nodeFs, { savepoints, target: wanted }, processExists)
  await refuseExisting(wanted)
  const pinned = await pinWanted(job, looked, options)
  try {
    const target = wanted ?? join(savepoints, `${pinned.manifest.id}.savepoint`)
    // The same checkpoint at the same place is the same savepoint.
    if (wanted !== undefined || !(await nodeFs.exists(target))) {
      await writeSavepoint(nodeFs, pinned, { verify: verifyState, exportState }, target)
    }
    return target
  } finally {
    await nodeFs.removeFolder(pinned.folder)
  }
}

async function pinWanted(
  job: string,
  { history, layout }: Looked,
  { checkpoint, stop }: SavepointOptions,
): Promise<PinnedCheckpoint> {
  if (checkpoint === undefined) {
    const least = await freshCheckpoint(job, { history, layout }, stop === true ? 'stop' : 'checkpoint')
    return pinLatest(history, layout.savepoints, least)
  }
  const retained = await history.retained()
  const found = retained.find(({ id }) => id === checkpoint) ?? (await history.find(checkpoint))
  return pinCheckpoint(nodeFs, found.folder, layout.savepoints)
}

/** Before the job is stopped for it. */
async function refuseExisting(path: string | undefined): Promise<void> {
  if (path === undefined || !(await nodeFs.exists(path))) return
  const reason = 'it is there already: name a file that is not'
  throw new MillraceError('IO', { action: 'Could not write savepoint', path, reason })
}

/** The id of a checkpoint that the running job has just completed; 0 if nobody runs it. */
async function freshCheckpoint(job: string, { history, layout }: Looked, wanted: Wanted): Promise<number> {
  const isRunning = async (): Promise<boolean> => (await lockHolder(layout.lock)) !== undefined
  if (!(await isRunning())) return 0
  const before = (await history.retained()).at(-1)?.id ?? 0
  const failed = (reason: string): MillraceError => new MillraceError('SAVEPOINT_FAILED', { job, reason })
  const answer = await askRunningJob({ folder: layout.requests, wanted, isRunning, takeWithinMs: TAKE_WITHIN_MS })
  switch (answer.kind) {
    case 'checkpoint':
      return answer.checkpoint
    case 'ended':
      return 0
    case 'failed':
      throw failed(answer.reason)
    case 'ignored':
      throw failed(`process ${await lockHolder(layout.lock)}, which runs it, does not answer`)
    case 'stopping':
      while (await isRunning()) await sleep(LOOK_EVERY_MS)
      return lastOfItsRun(history, before, failed)
  }
}

async function lastOfItsRun(
  history: CheckpointHistory,
  before: number,
  failed: (reason: string) => MillraceError,
): Promise<number> {
  const last = (await history.retained()).at(-1)
  const manifest = last === undefined ? undefined : await loadManifest(nodeFs, last.folder, String(last.id))
  if (manifest?.final === true && manifest.id > before) return manifest.id
  const kept = last === undefined ? '' : `; its checkpoint ${last.id} is kept, and can be made a savepoint of now`
  throw failed(`it ended without completing a last checkpoint${kept}`)
}
