// Where a job's things are: <data-dir>/<job>/…

import { join } from 'node:path'

/** The folders and files of one job, absolute. */
export interface JobLayout {
  readonly root: string
  readonly lock: string
  /** Live databases of tasks; worth nothing once the process has ended. */
  readonly work: string
  readonly checkpoints: string
  readonly savepoints: string
  /** What other processes ask of the one that runs the job. */
  readonly requests: string
  readonly sinks: string
  readonly events: string
  /** The last checkpoint id given out. */
  readonly sequence: string
  /** There from a return to an older checkpoint until a newer one is complete. */
  readonly rewind: string
  /** There while earlier checkpoints are being moved aside. */
  readonly moving: string
}

export function jobLayout(root: string): JobLayout {
  return {
    root,
    lock: join(root, 'lock'),
    work: join(root, 'work'),
    checkpoints: join(root, 'checkpoints'),
    savepoints: join(root, 'savepoints'),
    requests: join(root, 'requests'),
    sinks: join(root, 'sinks'),
    events: join(root, 'events.ndjson'),
    sequence: join(root, 'sequence'),
    rewind: join(root, 'rewind.json'),
    moving: join(root, 'moving.json'),
  }
}
