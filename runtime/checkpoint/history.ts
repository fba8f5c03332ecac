// CheckpointHistory: which of the stored checkpoints a job may start from, and the way back to an older one.
//
// Owns: rewind.json, moving.json, aside-<time>/.
// Does not own: single checkpoints (store), what a restore hands to whom (restore-plan).
//
// Going back to N makes the checkpoints after N unusable at once: sinks that can rewind take back what those had published, so
// restoring one of them later would lose it. But until a new checkpoint is complete, a crash must lead back to N and not to the
// latest. So the intent is durable before anything is deployed:
// I1. While rewind.json is there and no checkpoint above its lastId is complete, the job starts from its `from`, with rewind.
// I2. The checkpoints it abandons (after `from`, up to lastId) are neither listed nor loaded. They are deleted once a newer
//     one is complete, and the file after them.
// I3. Moving aside is finished by the next start if a crash came between (moving.json), so checkpoints and sink logs never part.

import { basename, join } from 'node:path'
import { MillraceError } from '../../src/errors.ts'
import type { Fs } from './fs.ts'
import type { JobLayout } from './layout.ts'
import type { Manifest } from './manifest.ts'
import { loadSavepoint } from './savepoint-file.ts'
import { readSmallFile, writeSmallFile } from './small-file.ts'
import { type CheckpointStore, corrupt, loadManifest, type Retention, type StoredCheckpoint } from './store.ts'
import { findDamage, type VerifyState } from './verify.ts'

/** What a job starts from. */
export interface Origin {
  readonly id: number
  /** Of a savepoint its file. */
  readonly folder: string
  readonly manifest: Manifest
  /** What was written after it, if anything, is to be taken back. */
  readonly rewind: boolean
}

interface Rewind {
  /** A retained checkpoint's id, or a savepoint, or a folder elsewhere. */
  readonly from: number | string
  readonly lastId: number
}

export class CheckpointHistory {
  readonly #fs: Fs
  readonly #layout: JobLayout
  readonly #store: CheckpointStore
  readonly #verify: VerifyState
  #rewind: Rewind | undefined

  private constructor(
    fs: Fs,
    layout: JobLayout,
    store: CheckpointStore,
    verify: VerifyState,
    rewind: Rewind | undefined,
  ) {
    this.#fs = fs
    this.#layout = layout
    this.#store = store
    this.#verify = verify
    this.#rewind = rewind
  }

  static async open(
    fs: Fs,
    layout: JobLayout,
    store: CheckpointStore,
    verify: VerifyState,
  ): Promise<CheckpointHistory> {
    const rewind = await readSmallFile<Rewind>(fs, layout.rewind)
    return new CheckpointHistory(fs, layout, store, verify, rewind)
  }

  /** Complete checkpoints that the job may start from, oldest first. */
  async retained(): Promise<StoredCheckpoint[]> {
    const stored = await this.#store.stored()
    return stored.filter((checkpoint) => !this.#isAbandoned(checkpoint.id))
  }

  /** Where a start without further wishes begins: the latest complete checkpoint, or the one gone back to. */
  async latest(): Promise<Origin | undefined> {
    const retained = await this.retained()
    const last = retained.at(-1)
    if (this.#rewind !== undefined && (last === undefined || last.id <= this.#rewind.lastId)) {
      const from = this.#rewind.from
      return typeof from === 'number' ? this.#load(this.#stored(from), true) : this.#loadFrom(from, true)
    }
    return last === undefined ? undefined : this.#load(last, false)
  }

  /** A retained checkpoint by its number. Changes nothing yet. Throws CHECKPOINT_NOT_FOUND. */
  async find(id: number): Promise<Origin> {
    const retained = await this.retained()
    const found = retained.find((checkpoint) => checkpoint.id === id)
    if (found === undefined) throw await this.#notFound(String(id))
    return this.#load(found, this.#rewind !== undefined || found !== retained.at(-1))
  }

  /** A savepoint, or a checkpoint in a folder, of this data directory or not. Changes nothing yet. Throws CHECKPOINT_*, SAVEPOINT_*. */
  async findAt(path: string): Promise<Origin> {
    const own = (await this.retained()).find((checkpoint) => checkpoint.folder === path)
    if (own !== undefined) return this.find(own.id)
    return this.#loadFrom(path, this.#rewind !== undefined || (await this.retained()).length > 0)
  }

  /** Makes the choice of an origin durable: from now on a plain start leads there. */
  async goBackTo(origin: Origin): Promise<void> {
    const own = origin.folder === this.#store.folderOf(origin.id)
    if (own && !origin.rewind) return
    // What an earlier return abandoned would be listed again once its file is replaced by one that begins above.
    if (own && this.#rewind !== undefined && origin.id > this.#rewind.lastId) await this.#forgetAbandoned()
    await this.#store.raise(origin.id)
    const rewind = { from: own ? origin.id : origin.folder, lastId: this.#store.lastId }
    await writeSmallFile(this.#fs, this.#layout.rewind, rewind)
    this.#rewind = rewind
  }

  /** After a checkpoint is complete: abandoned ones go, then those that retention gives up, then what crashes left behind. */
  async tidy(retention: Retention, nowMs: number, completed: number): Promise<void> {
    if (this.#rewind !== undefined && completed > this.#rewind.lastId) await this.#forgetAbandoned()
    await this.#store.prune(retention, nowMs)
    await this.#store.removeOrphans(completed + 1)
  }

  /** The greatest intact id below `id`, or undefined. */
  async olderIntact(id: number): Promise<number | undefined> {
    const older = (await this.retained()).filter((checkpoint) => checkpoint.id < id)
    for (const checkpoint of older.reverse()) {
      const manifest = await this.#store.manifest(checkpoint).catch(() => undefined)
      if (manifest === undefined) continue
      if ((await findDamage(checkpoint.folder, manifest, this.#verify)) === undefined) return checkpoint.id
    }
    return undefined
  }

  async #forgetAbandoned(): Promise<void> {
    for (const checkpoint of await this.#store.stored()) {
      if (this.#isAbandoned(checkpoint.id)) await this.#store.remove(checkpoint.id)
    }
    await this.#fs.unlink(this.#layout.rewind)
    await this.#fs.syncFolder(this.#layout.root)
    this.#rewind = undefined
  }

  #isAbandoned(id: number): boolean {
    if (this.#rewind === undefined) return false
    const from = typeof this.#rewind.from === 'number' ? this.#rewind.from : 0
    return id > from && id <= this.#rewind.lastId
  }

  #stored(id: number): StoredCheckpoint {
    return { id, folder: this.#store.folderOf(id) }
  }

  async #load(checkpoint: StoredCheckpoint, rewind: boolean): Promise<Origin> {
    const damaged = async (file: string, reason: string): Promise<MillraceError> =>
      corrupt(String(checkpoint.id), file, reason, await this.olderIntact(checkpoint.id))
    const read = await this.#read(checkpoint.folder, String(checkpoint.id), damaged)
    // Whoever renamed the manifest may have been killed before it was durable: nothing is built on what a power cut could undo.
    await this.#fs.syncFolder(checkpoint.folder)
    return { ...read, id: checkpoint.id, rewind }
  }

  async #loadFrom(path: string, rewind: boolean): Promise<Origin> {
    if (!(await this.#fs.exists(path))) throw await this.#notFound(path)
    const manifest = await loadSavepoint(this.#fs, path)
    if (manifest !== undefined) return { folder: path, manifest, id: manifest.id, rewind }
    const damaged = async (file: string, reason: string): Promise<MillraceError> => corrupt(path, file, reason)
    const read = await this.#read(path, path, damaged)
    return { ...read, id: read.manifest.id, rewind }
  }

  async #read(
    folder: string,
    checkpoint: string,
    damaged: (file: string, reason: string) => Promise<MillraceError>,
  ): Promise<{ readonly folder: string; readonly manifest: Manifest }> {
    let manifest: Manifest
    try {
      manifest = await loadManifest(this.#fs, folder, checkpoint)
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== 'CHECKPOINT_CORRUPT') throw error
      throw await damaged(String(error.details['file']), String(error.details['reason']))
    }
    const damage = await findDamage(folder, manifest, this.#verify)
    if (damage !== undefined) throw await damaged(damage.file, damage.reason)
    return { folder, manifest }
  }

  async #notFound(checkpoint: string): Promise<MillraceError> {
    const ids = (await this.retained()).map((retained) => retained.id)
    const retained = ids.length === 0 ? 'none' : ids.join(', ')
    return new MillraceError('CHECKPOINT_NOT_FOUND', { checkpoint, job: basename(this.#layout.root), retained })
  }
}

/** Moves checkpoints, sink logs and a pending way back to `aside-<stamp>/`, where they stay. Ids go on growing. */
export async function moveAside(fs: Fs, layout: JobLayout, stamp: string): Promise<void> {
  if (!(await fs.exists(layout.checkpoints)) && !(await fs.exists(layout.sinks))) return
  await writeSmallFile(fs, layout.moving, { aside: join(layout.root, `aside-${stamp}`) })
  await finishMoving(fs, layout)
}

/** Finishes what moveAside began before a crash. Nothing if there is nothing to do. */
export async function finishMoving(fs: Fs, layout: JobLayout): Promise<void> {
  const moving = await readSmallFile<{ readonly aside: string }>(fs, layout.moving)
  if (moving === undefined) return
  await fs.mkdir(moving.aside)
  for (const [from, name] of [
    [layout.checkpoints, 'checkpoints'],
    [layout.sinks, 'sinks'],
    [layout.rewind, 'rewind.json'],
  ] as const) {
    if (await fs.exists(from)) await fs.rename(from, join(moving.aside, name))
  }
  await fs.syncFolder(moving.aside)
  await fs.syncFolder(layout.root)
  await fs.unlink(layout.moving)
  await fs.syncFolder(layout.root)
}
