import { nodeFs } from '../checkpoint/fs.ts'
import type { CheckpointHistory } from '../checkpoint/history.ts'
import { type PinnedCheckpoint, pinCheckpoint } from '../checkpoint/savepoint.ts'

/** Pins the latest checkpoint of a job, which may run; `least`: one that is known to have been complete. Throws CHECKPOINT_NOT_FOUND. */
export async function pinLatest(history: CheckpointHistory, pins: string, least = 0): Promise<PinnedCheckpoint> {
  for (;;) {
    const latest = (await history.retained()).at(-1) ?? (await history.find(least))
    try {
      return await pinCheckpoint(nodeFs, latest.folder, pins)
    } catch (error) {
      // A running job may have deleted it before its files were pinned: then a newer one is there.
      const now = (await history.retained()).at(-1)?.id ?? 0
      if (now <= latest.id) throw error
    }
  }
}
