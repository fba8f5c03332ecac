// Making a savepoint from outside the process that runs the job, if one does.

import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MillraceError } from '../../src/errors.ts'
import { nodeFs } from '../checkpoint/fs.ts'
import type { CheckpointHistory } from '../checkpoint/history.ts'
import type { JobLayout } from '../checkpoint/layout.ts'
import { copyCheckpoint, removeLeftPins } from '../checkpoint/savepoint.ts'
import { loadManifest } from '../checkpoint/store.ts'
import { lookAt } from './checkpoint-tools.ts'
import { lockHolder, processExists } from './job-lock.ts'
import { askRunningJob, type Wanted } from './request-box.ts'
import { verifyState } from './verify-state.ts'

export interface SavepointOptions {
  /** A retained checkpoint to copy. Default: one taken now if the job runs, else the latest. */
  readonly checkpoint?: number
  /** A folder that is not there yet. Default: `<job>/savepoints/<id>`. */
  readonly path?: string
  /** Stop the job first; the savepoint is of its last checkpoint. */
  readonly stop?: boolean
}

const TAKE_WITHIN_MS = 10_000
const LOOK_EVERY_MS = 50

/**
 * Makes a copy of a checkpoint that no retention deletes, and returns its folder. A running job is asked for a checkpoint first.
 * The folder appears whole or not at all. Throws SAVEPOINT_FAILED, CHECKPOINT_NOT_FOUND, CHECKPOINT_CORRUPT, IO.
 */
export async function createSavepoint(dataDir: string, job: string, options: SavepointOptions = {}): Promise<string> {
  const { history, layout } = await lookAt(dataDir, job)
  await refuseExisting(options.path)
  await removeLeftPins(nodeFs, layout.savepoints, processExists)
  if (options.checkpoint !== undefined) return copy(layout, history, options.checkpoint, options.path)
  const least = await freshCheckpoint(job, layout, history, options.stop === true ? 'stop' : 'checkpoint')
  for (;;) {
    const id = (await history.retained()).at(-1)?.id ?? least
    try {
      return await copy(layout, history, id, options.path)
    } catch (error) {
      // A running job may have deleted it before its files were pinned: then a newer one is there.
      const latest = (await history.retained()).at(-1)?.id ?? 0
      if (latest <= id) throw error
    }
  }
}

/** Before the job is stopped for it. */
async function refuseExisting(path: string | undefined): Promise<void> {
  if (path === undefined || !(await nodeFs.exists(resolve(path)))) return
  const reason = 'it is there already: name a folder that is not'
  throw new MillraceError('IO', { action: 'Could not write savepoint', path: resolve(path), reason })
}

async function copy(
  layout: JobLayout,
  history: CheckpointHistory,
  id: number,
  path: string | undefined,
): Promise<string> {
  const retained = await history.retained()
  const found = retained.find((checkpoint) => checkpoint.id === id) ?? (await history.find(id))
  const target = resolve(path ?? join(layout.savepoints, String(id)))
  // The same checkpoint at the same place is the same savepoint.
  if (path === undefined && (await nodeFs.exists(target))) return target
  await copyCheckpoint(nodeFs, { checkpoint: found.folder, pins: layout.savepoints, verify: verifyState }, target)
  return target
}

/** The id of a checkpoint that the running job has just completed; 0 if nobody runs it. */
async function freshCheckpoint(
  job: string,
  layout: JobLayout,
  history: CheckpointHistory,
  wanted: Wanted,
): Promise<number> {
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
  const kept = last === undefined ? '' : `; its checkpoint ${last.id} is kept, and can be copied now`
  throw failed(`it ended without completing a last checkpoint${kept}`)
}
