// The embedder's door: run a job from your own program.

export {
  type CheckpointSummary,
  inspectCheckpoint,
  listCheckpoints,
} from './control/checkpoint-tools.ts'
export { createSavepoint, type SavepointOptions } from './control/create-savepoint.ts'
export { run } from './control/run.ts'
export type {
  CheckpointInfo,
  JobState,
  Run,
  RunEvent,
  RunFunction,
  RunOptions,
  RunResult,
} from './control/run-types.ts'
export {
  inspectState,
  type KeyContents,
  type KeyQuery,
  type NodeContents,
  queryState,
  type StateContents,
  type StatePlace,
} from './control/savepoint-tools.ts'
export type { GraphDescription, NodeDescription, PhysicalPlan } from './plan/physical-plan.ts'
export type { FailureInfo, NodeMetrics } from './worker/messages.ts'
