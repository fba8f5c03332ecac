// CheckpointFolders: where each checkpoint's files go, for tasks that may hear of a checkpoint before its folder.
//
// Owns: the folders told and the tasks that wait for one. Does not own: making or deleting folders (the coordinator).
//
// I1. A barrier may come through a channel before the trigger message: folderOf() waits for it.
// I2. Checkpoints run one at a time, so what ended ends all older ones: nobody waits for a folder that will not be told.

import { MillraceError } from '../../src/errors.ts'
import { type Deferred, deferred } from '../../src/util/deferred.ts'

/** By checkpoint id. */
export class CheckpointFolders {
  readonly #folders = new Map<number, Deferred<string>>()
  #endedUpTo = -1

  tell(checkpoint: number, folder: string): void {
    this.#entry(checkpoint).resolve(folder)
  }

  folderOf(checkpoint: number): Promise<string> {
    if (checkpoint > this.#endedUpTo) return this.#entry(checkpoint).promise
    return Promise.reject(aborted(checkpoint))
  }

  /** The checkpoint is complete or aborted. */
  end(checkpoint: number): void {
    this.#endedUpTo = Math.max(this.#endedUpTo, checkpoint)
    for (const [id, folder] of this.#folders) {
      if (id > checkpoint) continue
      folder.reject(aborted(id))
      this.#folders.delete(id)
    }
  }

  #entry(checkpoint: number): Deferred<string> {
    const known = this.#folders.get(checkpoint)
    if (known !== undefined) return known
    const made = deferred<string>()
    // It may be rejected with nobody waiting.
    made.promise.catch(() => {})
    this.#folders.set(checkpoint, made)
    return made
  }
}

function aborted(checkpoint: number): MillraceError {
  return new MillraceError('CHECKPOINT_FAILED', { checkpoint, reason: 'it was aborted' })
}
