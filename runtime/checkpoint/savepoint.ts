// Savepoints: a copy of a checkpoint's folder that belongs to nobody's retention. Whole in itself: it can be moved anywhere.

import { basename, dirname, join } from 'node:path'
import { MillraceError } from '../../src/errors.ts'
import type { Fs } from './fs.ts'
import { MANIFEST_FILE, type Manifest } from './manifest.ts'
import { corrupt, loadManifest } from './store.ts'
import { findDamage, handlesOf, type VerifyState } from './verify.ts'

/** Begins the names of folders that hold second names; the process id follows. */
const PINNED = '.pinned-'

/**
 * Copies a checkpoint to `target`, which must not exist and appears whole or not at all. Works while the job runs: every file first
 * gets a second name beside the checkpoint, which takes no time, so retention may delete the checkpoint while its bytes are still
 * being copied. The copy is verified before it gets its name. Throws CHECKPOINT_CORRUPT, IO.
 */
export async function copyCheckpoint(
  fs: Fs,
  from: { readonly checkpoint: string; readonly pins: string; readonly verify: VerifyState },
  target: string,
): Promise<void> {
  if (await fs.exists(target)) {
    throw new MillraceError('IO', { action: 'Could not write savepoint', path: target, reason: 'it is there already' })
  }
  const nonce = `${process.pid}-${process.hrtime.bigint()}`
  const pinned = join(from.pins, `${PINNED}${nonce}`)
  const partial = join(dirname(target), `.${basename(target)}.${nonce}`)
  try {
    const manifest = await pin(fs, from.checkpoint, pinned)
    await fs.mkdir(partial)
    for (const { folder } of handlesOf(manifest)) await copyFolder(fs, join(pinned, folder), join(partial, folder))
    const damage = await findDamage(partial, manifest, from.verify)
    if (damage !== undefined)
      throw corrupt(String(manifest.id), damage.file.replace(partial, from.checkpoint), damage.reason)
    await fs.copy(join(pinned, MANIFEST_FILE), join(partial, MANIFEST_FILE))
    await fs.syncFolder(partial)
    await fs.rename(partial, target)
    await fs.syncFolder(dirname(target))
  } finally {
    await fs.removeFolder(partial)
    await fs.removeFolder(pinned)
  }
}

/** Deletes second names that a process which was killed while copying has left. `isAlive`: whether a process is. */
export async function removeLeftPins(fs: Fs, pins: string, isAlive: (pid: number) => boolean): Promise<void> {
  for (const name of await fs.list(pins)) {
    const pid = name.startsWith(PINNED) ? Number.parseInt(name.slice(PINNED.length), 10) : Number.NaN
    if (!Number.isNaN(pid) && !isAlive(pid)) await fs.removeFolder(join(pins, name))
  }
}

/** Links every file. */
async function pin(fs: Fs, checkpoint: string, pinned: string): Promise<Manifest> {
  const manifest = await loadManifest(fs, checkpoint, basename(checkpoint))
  for (const handle of handlesOf(manifest)) {
    await fs.mkdir(join(pinned, handle.folder))
    for (const file of handle.files) {
      await fs.link(join(checkpoint, handle.folder, file.name), join(pinned, handle.folder, file.name))
    }
  }
  await fs.mkdir(pinned)
  await fs.link(join(checkpoint, MANIFEST_FILE), join(pinned, MANIFEST_FILE))
  return manifest
}

async function copyFolder(fs: Fs, from: string, to: string): Promise<void> {
  await fs.mkdir(to)
  for (const name of await fs.list(from)) await fs.copy(join(from, name), join(to, name))
  await fs.syncFolder(to)
}
