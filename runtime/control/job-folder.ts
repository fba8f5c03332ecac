// JobFolder: a job's folder while a run owns it.
//
// Owns: the lock, and putting the folder in order at the start.
// Does not own: what is decided about its checkpoints.

import { join } from 'node:path'
import type { Clock } from '../../src/util/clock.ts'
import { type Fs, nodeFs } from '../checkpoint/fs.ts'
import { CheckpointHistory, finishMoving, moveAside } from '../checkpoint/history.ts'
import { type JobLayout, jobLayout } from '../checkpoint/layout.ts'
import { CheckpointStore } from '../checkpoint/store.ts'
import { type JobLock, lockJob } from './job-lock.ts'
import { verifyState } from './verify-state.ts'

export interface JobFolderOptions {
  readonly dataDir: string
  readonly job: string
  /** Start over: what is there is moved aside. */
  readonly fresh: boolean
  readonly clock: Clock
  readonly fs?: Fs
}

export class JobFolder {
  readonly layout: JobLayout
  readonly store: CheckpointStore
  readonly history: CheckpointHistory
  readonly #lock: JobLock
  readonly #fs: Fs

  private constructor(layout: JobLayout, lock: JobLock, fs: Fs, store: CheckpointStore, history: CheckpointHistory) {
    this.layout = layout
    this.#lock = lock
    this.#fs = fs
    this.store = store
    this.history = history
  }

  /** Locks the folder and finishes what a crash left undone. Throws JOB_LOCKED, IO. */
  static async open(options: JobFolderOptions): Promise<JobFolder> {
    const fs = options.fs ?? nodeFs
    const layout = jobLayout(join(options.dataDir, options.job))
    const lock = await lockJob(layout.lock)
    try {
      await finishMoving(fs, layout)
      if (options.fresh) await moveAside(fs, layout, stampOf(options.clock.now()))
      const store = await CheckpointStore.open(fs, layout)
      const history = await CheckpointHistory.open(fs, layout, store, verifyState)
      await store.removeOrphans(store.lastId + 1)
      return new JobFolder(layout, lock, fs, store, history)
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  /** Deletes the live databases of an attempt that is over. */
  async clearWork(): Promise<void> {
    await this.#fs.removeFolder(this.layout.work)
  }

  async close(): Promise<void> {
    await this.#lock.release()
  }
}

/** 2026-11-21T09-30-00-000: sorts by time, and can be part of a file's name anywhere. */
function stampOf(nowMs: number): string {
  return new Date(nowMs).toISOString().replaceAll(/[:.]/g, '-').replace('Z', '')
}
