// What jobs have left in a data directory: looked at, never changed, whether or not they run meanwhile.

import { readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { MillraceError, reasonOf } from '../../src/errors.ts'
import { nodeFs } from '../checkpoint/fs.ts'
import { CheckpointHistory } from '../checkpoint/history.ts'
import { type JobLayout, jobLayout } from '../checkpoint/layout.ts'
import type { Manifest } from '../checkpoint/manifest.ts'
import { CheckpointStore, type StoredCheckpoint } from '../checkpoint/store.ts'
import { findDamage, handlesOf, type VerifyState } from '../checkpoint/verify.ts'
import { nearest } from '../config/nearest.ts'
import { misuse } from './parse-arguments.ts'

export interface StoredJob {
  readonly name: string
  readonly layout: JobLayout
  readonly store: CheckpointStore
  readonly history: CheckpointHistory
}

/** One place to go back to. */
export interface CheckpointEntry {
  readonly id: number
  readonly folder: string
  /** Why it cannot be used; undefined: it is complete. */
  readonly damage: string | undefined
  readonly completedAt: number | undefined
  readonly tookMs: number | undefined
  readonly bytes: number
  /** The last one of a run that was stopped or came to its end. */
  readonly final: boolean
}

/** Names of the jobs that keep something here. */
export async function storedJobNames(dataDir: string): Promise<readonly string[]> {
  const entries = await readdir(dataDir, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw new MillraceError('IO', { action: 'Could not list', path: dataDir, reason: reasonOf(error) }, error)
  })
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  const kept = await Promise.all(names.map((name) => nodeFs.exists(jobLayout(join(dataDir, name)).checkpoints)))
  return names.filter((_, index) => kept[index]).sort()
}

/** Opens what a job keeps. Throws CONFIG_INVALID naming the jobs there are. */
export async function openStoredJob(dataDir: string, name: string): Promise<StoredJob> {
  const names = await storedJobNames(dataDir)
  if (!names.includes(name)) {
    const meant = nearest(name, names)
    const known = names.length === 0 ? 'nothing is kept there' : `there are ${names.join(', ')}`
    const hint = meant === undefined ? known : `did you mean ${meant}?`
    throw misuse('JOB', `there is no job "${name}" in ${dataDir} (${hint})`)
  }
  const layout = jobLayout(join(resolve(dataDir), name))
  const store = await CheckpointStore.open(nodeFs, layout)
  return { name, layout, store, history: await CheckpointHistory.open(nodeFs, layout, store, verifySizes) }
}

/** Every place to go back to, oldest first. Sizes of files are checked, not their content: that is inspect's. */
export async function listEntries({ history, store }: StoredJob): Promise<readonly CheckpointEntry[]> {
  const retained = await history.retained()
  return await Promise.all(retained.map((checkpoint) => entryOf(store, checkpoint)))
}

/** Bytes of keyed state in a checkpoint. Files that did not change are shared with other checkpoints. */
export function stateBytesOf(manifest: Manifest): number {
  return handlesOf(manifest)
    .flatMap(({ files }) => files)
    .reduce((sum, { bytes }) => sum + bytes, 0)
}

async function entryOf(store: CheckpointStore, checkpoint: StoredCheckpoint): Promise<CheckpointEntry> {
  try {
    const manifest = await store.manifest(checkpoint)
    const damage = await findDamage(checkpoint.folder, manifest, verifySizes)
    return {
      ...checkpoint,
      damage: damage === undefined ? undefined : `${damage.file}: ${damage.reason}`,
      completedAt: manifest.completedAt,
      tookMs: manifest.completedAt - manifest.startedAt,
      bytes: stateBytesOf(manifest),
      final: manifest.final,
    }
  } catch (error) {
    const unknown = { completedAt: undefined, tookMs: undefined, bytes: 0, final: false }
    return { ...checkpoint, damage: reasonOf(error), ...unknown }
  }
}

const verifySizes: VerifyState = async (folder, handle) => {
  for (const { name, bytes } of handle.files) {
    const file = join(folder, name)
    const size = await stat(file).then(
      (found) => found.size,
      () => undefined,
    )
    if (size === undefined) return { file, reason: 'it is missing' }
    if (size !== bytes) return { file, reason: `it has ${size} bytes instead of ${bytes}` }
  }
  return undefined
}
