// CheckpointStore: the checkpoints of one job on disk.
//
// Owns: the job's id sequence and its checkpoints/ folder: what is in it, what is loadable, what is deleted.
// Does not own: when a checkpoint is taken (decide), the files in a task's folder (state backend), moving aside and going back
// (history.ts), copies (savepoint.ts).
//
// I1. An id is on disk before it is used, and is never given out again, whatever was deleted since.
// I2. A folder is a checkpoint if and only if its manifest is whole. The rename of the manifest, made durable, is the commit point.
// I3. Of a checkpoint that is deleted the manifest goes first: what is half deleted is never loaded.
// I4. The latest complete checkpoint is never deleted here.

import { basename, dirname, join } from 'node:path'
import { MillraceError, reasonOf } from '../../src/errors.ts'
import { failpoint } from '../../src/util/failpoint.ts'
import { type Fs, writeAtomic } from './fs.ts'
import type { JobLayout } from './layout.ts'
import { decodeManifest, encodeManifest, MANIFEST_FILE, type Manifest, ManifestDamage } from './manifest.ts'
import { readSmallFile, writeSmallFile } from './small-file.ts'

/** How many complete checkpoints are kept, and how long. */
export interface Retention {
  readonly retain: number
  /** Undefined: no expiry. */
  readonly expireMs: number | undefined
}

/** A folder that has a manifest file, whether or not it can be read. */
export interface StoredCheckpoint {
  readonly id: number
  readonly folder: string
}

/** The manifest may or may not be on disk: only a restart, which looks, can tell. */
export class PersistOutcomeUnknown extends Error {
  constructor(cause: unknown) {
    super(reasonOf(cause), { cause })
  }
}

export class CheckpointStore {
  readonly #fs: Fs
  readonly #layout: JobLayout
  #lastId: number

  private constructor(fs: Fs, layout: JobLayout, lastId: number) {
    this.#fs = fs
    this.#layout = layout
    this.#lastId = lastId
  }

  /** Opens the checkpoints of a job. */
  static async open(fs: Fs, layout: JobLayout): Promise<CheckpointStore> {
    await fs.mkdir(layout.checkpoints)
    // Each folder on the way is an entry of the one above.
    for (const folder of [layout.root, dirname(layout.root), dirname(dirname(layout.root))]) await fs.syncFolder(folder)
    return CheckpointStore.look(fs, layout)
  }

  /** For looking only, while another process may own them: makes nothing. */
  static async look(fs: Fs, layout: JobLayout): Promise<CheckpointStore> {
    const sequence = await readSmallFile<{ readonly last: number }>(fs, layout.sequence)
    // The sequence file alone would do; folders are looked at too in case someone deleted it by hand.
    const onDisk = (await fs.list(layout.checkpoints)).map(idOf)
    return new CheckpointStore(fs, layout, Math.max(sequence?.last ?? 0, ...onDisk))
  }

  /** The greatest id ever given out. */
  get lastId(): number {
    return this.#lastId
  }

  /** Ids continue above this one too: that of a checkpoint which came from elsewhere. */
  async raise(id: number): Promise<void> {
    if (id <= this.#lastId) return
    this.#lastId = id
    await writeSmallFile(this.#fs, this.#layout.sequence, { last: id })
  }

  folderOf(id: number): string {
    return join(this.#layout.checkpoints, String(id))
  }

  /** Persists the next id, then makes its folder. */
  async begin(): Promise<StoredCheckpoint> {
    const id = this.#lastId + 1
    failpoint('checkpoint.id.before')
    this.#lastId = id
    await writeSmallFile(this.#fs, this.#layout.sequence, { last: id })
    failpoint('checkpoint.id.after')
    const folder = this.folderOf(id)
    await this.#fs.mkdir(folder)
    await this.#fs.syncFolder(this.#layout.checkpoints)
    return { id, folder }
  }

  /** Writes the manifest: afterwards the checkpoint is complete. Throws PersistOutcomeUnknown once the rename was tried. */
  async persist(manifest: Manifest): Promise<void> {
    failpoint('manifest.write.before')
    const bytes = encodeManifest(manifest)
    const middle = bytes.byteLength >> 1
    const parts = [bytes.subarray(0, middle), bytes.subarray(middle)]
    let renaming = false
    let written = 0
    try {
      await writeAtomic(this.#fs, join(this.folderOf(manifest.id), MANIFEST_FILE), parts, (at) => {
        if (at === 'part-written' && ++written === 1) failpoint('manifest.write.middle')
        if (at === 'before-rename') failpoint('manifest.rename.before')
        renaming = at !== 'part-written'
        if (at === 'after-rename') failpoint('manifest.rename.after')
      })
    } catch (error) {
      throw renaming ? new PersistOutcomeUnknown(error) : error
    }
  }

  /** Deletes a checkpoint or what is left of one. */
  async remove(id: number): Promise<void> {
    const folder = this.folderOf(id)
    if (await this.#fs.exists(join(folder, MANIFEST_FILE))) {
      await this.#fs.unlink(join(folder, MANIFEST_FILE))
      await this.#fs.syncFolder(folder)
    }
    await this.#fs.removeFolder(folder)
  }

  /** All that have a manifest file, oldest first. */
  async stored(): Promise<StoredCheckpoint[]> {
    const found: StoredCheckpoint[] = []
    for (const id of await this.#ids()) {
      const folder = this.folderOf(id)
      if (await this.#fs.exists(join(folder, MANIFEST_FILE))) found.push({ id, folder })
    }
    return found
  }

  /** Deletes what is no checkpoint and has an id below `below`, and what is none of ours. */
  async removeOrphans(below: number): Promise<void> {
    for (const name of await this.#fs.list(this.#layout.checkpoints)) {
      const id = idOf(name)
      const folder = join(this.#layout.checkpoints, name)
      if (id >= below || (id > 0 && (await this.#fs.exists(join(folder, MANIFEST_FILE))))) continue
      await this.#fs.removeFolder(folder)
    }
  }

  /** Deletes the complete checkpoints that retention gives up, oldest first. Never the latest. */
  async prune(retention: Retention, nowMs: number): Promise<void> {
    const stored = await this.stored()
    const old = stored.slice(0, -1)
    const surplus = new Set(old.slice(0, Math.max(0, stored.length - Math.max(1, retention.retain))))
    for (const checkpoint of old) {
      if (!surplus.has(checkpoint) && !(await this.#expired(checkpoint, retention.expireMs, nowMs))) continue
      await this.#removeInSteps(checkpoint)
    }
  }

  /** Reads a manifest. Throws CHECKPOINT_CORRUPT or CHECKPOINT_VERSION. */
  async manifest(checkpoint: StoredCheckpoint): Promise<Manifest> {
    return loadManifest(this.#fs, checkpoint.folder, String(checkpoint.id))
  }

  async #expired(checkpoint: StoredCheckpoint, expireMs: number | undefined, nowMs: number): Promise<boolean> {
    if (expireMs === undefined) return false
    const manifest = await this.manifest(checkpoint).catch(() => undefined)
    return manifest !== undefined && nowMs - manifest.completedAt > expireMs
  }

  async #removeInSteps(checkpoint: StoredCheckpoint): Promise<void> {
    failpoint('checkpoint.delete.before')
    await this.#fs.unlink(join(checkpoint.folder, MANIFEST_FILE))
    await this.#fs.syncFolder(checkpoint.folder)
    failpoint('checkpoint.delete.middle')
    await this.#fs.removeFolder(checkpoint.folder)
  }

  async #ids(): Promise<number[]> {
    const names = await this.#fs.list(this.#layout.checkpoints)
    return names
      .map(idOf)
      .filter((id) => id > 0)
      .sort((a, b) => a - b)
  }
}

/** Reads the manifest in a folder. Throws CHECKPOINT_CORRUPT or CHECKPOINT_VERSION. */
export async function loadManifest(fs: Fs, folder: string, checkpoint: string): Promise<Manifest> {
  const file = join(folder, MANIFEST_FILE)
  const bytes = await fs.read(file)
  try {
    if (bytes === undefined) throw new ManifestDamage('it is not there')
    return decodeManifest(bytes, checkpoint)
  } catch (error) {
    if (error instanceof ManifestDamage) throw corrupt(checkpoint, file, error.message)
    throw error
  }
}

/** CHECKPOINT_CORRUPT; `older` is the next older intact one, if that is known. */
export function corrupt(checkpoint: string, file: string, reason: string, older?: number): MillraceError {
  const advice =
    older === undefined
      ? '--fresh starts over and keeps what is there aside.'
      : `Checkpoint ${older} is intact: --from-checkpoint ${older}.`
  return new MillraceError('CHECKPOINT_CORRUPT', { checkpoint, file, reason, advice })
}

/** The id in a folder's name; 0 if it is none of ours. */
function idOf(name: string): number {
  return /^[1-9]\d{0,15}$/.test(basename(name)) ? Number(name) : 0
}
