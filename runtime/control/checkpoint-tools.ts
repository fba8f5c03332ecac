// What people ask of a job's checkpoints from outside a run: which are there, what is in one.

import { join, resolve } from 'node:path'
import { reasonOf } from '../../src/errors.ts'
import { type CheckpointSize, sizeOfCheckpoint } from '../checkpoint/checkpoint-size.ts'
import { nodeFs } from '../checkpoint/fs.ts'
import { CheckpointHistory } from '../checkpoint/history.ts'
import { type JobLayout, jobLayout } from '../checkpoint/layout.ts'
import type { Manifest } from '../checkpoint/manifest.ts'
import { CheckpointStore, loadManifest, type StoredCheckpoint } from '../checkpoint/store.ts'
import { lockHolder } from './job-lock.ts'
import { verifyState } from './verify-state.ts'

/** One checkpoint, for a list. */
export interface CheckpointSummary {
  readonly id: number
  readonly folder: string
  /** Ms since the epoch. */
  readonly completedAt: number
  readonly durationMs: number
  readonly final: boolean
  /** All that it holds; shared with other checkpoints by hard links. */
  readonly stateBytes: number
  /** Of these, what the retained checkpoint before it does not hold. */
  readonly newBytes: number
  readonly tasks: number
  /** Why it cannot be restored; undefined: its manifest is whole. */
  readonly damage: string | undefined
}

/** One checkpoint in detail. */
export interface CheckpointDetails extends CheckpointSummary {
  readonly manifest: Manifest
}

/** Where a job's things are and who runs it. */
export interface JobStatus {
  readonly job: string
  readonly folder: string
  /** The process that runs it now. */
  readonly runningPid: number | undefined
  readonly checkpoints: readonly CheckpointSummary[]
}

/** The checkpoints that a job may start from, oldest first. Reads manifests only; works while the job runs. */
export async function listCheckpoints(dataDir: string, job: string): Promise<readonly CheckpointSummary[]> {
  const { history } = await lookAt(dataDir, job)
  const retained = await history.retained()
  const loaded = await Promise.all(retained.map(tryLoading))
  const summaries: CheckpointSummary[] = []
  let before: CheckpointSize['files'] | undefined
  for (const each of loaded) {
    if (each === undefined) continue
    if (typeof each.manifest === 'string') summaries.push({ ...each.checkpoint, ...NOTHING, damage: each.manifest })
    else {
      summaries.push(describe(each.checkpoint, each.manifest, before))
      before = sizeOfCheckpoint(each.manifest.tasks, undefined).files
    }
  }
  return summaries
}

/** A retained checkpoint (by number), one in a folder, or a savepoint. Verifies every file. Throws CHECKPOINT_*, SAVEPOINT_*. */
export async function inspectCheckpoint(
  dataDir: string,
  job: string,
  checkpoint: number | string,
): Promise<CheckpointDetails> {
  const { history } = await lookAt(dataDir, job)
  const origin =
    typeof checkpoint === 'number' ? await history.find(checkpoint) : await history.findAt(resolve(checkpoint))
  return { ...describe(origin, origin.manifest, undefined), manifest: origin.manifest }
}

/** Every job in a data directory. */
export async function listJobs(dataDir: string): Promise<readonly JobStatus[]> {
  const jobs: JobStatus[] = []
  for (const job of await nodeFs.list(dataDir)) {
    const layout = jobLayout(join(dataDir, job))
    if (!(await nodeFs.exists(layout.checkpoints))) continue
    const [runningPid, checkpoints] = await Promise.all([lockHolder(layout.lock), listCheckpoints(dataDir, job)])
    jobs.push({ job, folder: layout.root, runningPid, checkpoints })
  }
  return jobs
}

/** A job's checkpoints, for reading only: a running job owns the folder. */
export async function lookAt(
  dataDir: string,
  job: string,
): Promise<{ readonly history: CheckpointHistory; readonly layout: JobLayout }> {
  const layout = jobLayout(join(resolve(dataDir), job))
  const store = await CheckpointStore.look(nodeFs, layout)
  return { history: await CheckpointHistory.open(nodeFs, layout, store, verifyState), layout }
}

const NOTHING = { completedAt: 0, durationMs: 0, final: false, stateBytes: 0, newBytes: 0, tasks: 0 }

interface Loaded {
  readonly checkpoint: StoredCheckpoint
  /** A text: why it cannot be read. */
  readonly manifest: Manifest | string
}

/** Undefined: it was deleted meanwhile. */
async function tryLoading(checkpoint: StoredCheckpoint): Promise<Loaded | undefined> {
  try {
    return { checkpoint, manifest: await loadManifest(nodeFs, checkpoint.folder, String(checkpoint.id)) }
  } catch (error) {
    if (!(await nodeFs.exists(checkpoint.folder))) return undefined
    return { checkpoint, manifest: reasonOf(error) }
  }
}

function describe(
  { id, folder }: StoredCheckpoint,
  manifest: Manifest,
  before: CheckpointSize['files'] | undefined,
): CheckpointSummary {
  const { stateBytes, newBytes } = sizeOfCheckpoint(manifest.tasks, before)
  return {
    id,
    folder,
    completedAt: manifest.completedAt,
    durationMs: manifest.completedAt - manifest.startedAt,
    final: manifest.final,
    stateBytes,
    newBytes,
    tasks: manifest.tasks.length,
    damage: undefined,
  }
}
