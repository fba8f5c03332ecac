import type { Scenario } from './scenario.ts'
import { checkpoints } from './scenarios/checkpoints.ts'
import { files } from './scenarios/files.ts'
import { keyedSum } from './scenarios/keyed-sum.ts'
import { numbers } from './scenarios/numbers.ts'
import { restore } from './scenarios/restore.ts'
import { segmentLog } from './scenarios/segment-log.ts'
import { start } from './scenarios/start.ts'
import { windows } from './scenarios/windows.ts'
import { workers } from './scenarios/workers.ts'

/** Everything that is measured, in the order of the table. */
export const SCENARIOS: readonly Scenario[] = [
  numbers,
  keyedSum,
  windows,
  checkpoints,
  restore,
  workers,
  files,
  segmentLog,
  start,
]
