// Savepoints: a copy of a checkpoint's folder that belongs to nobody's retention. Whole in itself: it can be moved anywhere.

import { join } from 'node:path'
import { MillraceError } from '../../src/errors.ts'
import type { Fs } from './fs.ts'
import { MANIFEST_FILE } from './manifest.ts'
import { loadManifest } from './store.ts'
import { handlesOf } from './verify.ts'

/**
 * Copies a checkpoint to `target`, which must not exist. Works while the job runs: every file first gets a second name beside the
 * checkpoint, which takes no time, so retention may delete the checkpoint while its bytes are still being copied.
 * Throws CHECKPOINT_NOT_FOUND, CHECKPOINT_CORRUPT, IO.
 */
export async function copyCheckpoint(fs: Fs, checkpoint: string, pins: string, target: string): Promise<void> {
  if (await fs.exists(target)) {
    throw new MillraceError('IO', { action: 'Could not write savepoint', path: target, reason: 'it is there already' })
  }
  const pinned = join(pins, `.pinned-${process.pid}-${process.hrtime.bigint()}`)
  try {
    const folders = await pin(fs, checkpoint, pinned)
    await fs.mkdir(target)
    for (const folder of folders) await copyFolder(fs, join(pinned, folder), join(target, folder))
    // The manifest last: until it is there the copy is no checkpoint.
    await fs.copy(join(pinned, MANIFEST_FILE), join(target, MANIFEST_FILE))
    await fs.syncFolder(target)
  } finally {
    await fs.removeFolder(pinned)
  }
}

/** Links every file; returns the state folders. */
async function pin(fs: Fs, checkpoint: string, pinned: string): Promise<string[]> {
  const manifest = await loadManifest(fs, checkpoint, checkpoint)
  const handles = handlesOf(manifest)
  for (const handle of handles) {
    await fs.mkdir(join(pinned, handle.folder))
    for (const file of handle.files) {
      await fs.link(join(checkpoint, handle.folder, file.name), join(pinned, handle.folder, file.name))
    }
  }
  await fs.mkdir(pinned)
  await fs.link(join(checkpoint, MANIFEST_FILE), join(pinned, MANIFEST_FILE))
  return handles.map((handle) => handle.folder)
}

async function copyFolder(fs: Fs, from: string, to: string): Promise<void> {
  await fs.mkdir(to)
  for (const name of await fs.list(from)) await fs.copy(join(from, name), join(to, name))
  await fs.syncFolder(to)
}
