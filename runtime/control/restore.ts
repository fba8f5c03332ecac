// Where a run starts: what its options wish, checked against what is there and what the job is now.

import { resolve } from 'node:path'
import type { CheckpointHistory, Origin } from '../checkpoint/history.ts'
import { checkRepeats, type RestoreWishes } from '../checkpoint/restore-checks.ts'
import { planRestore } from '../checkpoint/restore-plan.ts'
import type { NodeRestore } from '../checkpoint/snapshot.ts'
import type { GraphDescription, PhysicalPlan } from '../plan/physical-plan.ts'
import { checkMode } from './batch-run.ts'
import type { RunOptions } from './run-types.ts'

/** Where a run is to start, as far as that is a decision of this run. */
export interface Start {
  /** Undefined: from nothing. */
  readonly origin: Origin | undefined
  /** Goes back, if that was wished, durably: afterwards `history.latest()` is the origin. Until then nothing has changed. */
  readonly settle: () => Promise<void>
}

/** Finds where this run starts. Refuses what cannot be restored, and changes nothing. Throws CHECKPOINT_*, RESTORE_*, CONFIG_INVALID. */
export async function chooseStart(
  history: CheckpointHistory,
  graph: GraphDescription,
  plan: PhysicalPlan,
  options: RunOptions,
): Promise<Start> {
  const wished = await wishedOrigin(history, options)
  const origin = wished ?? (await history.latest())
  if (origin !== undefined) {
    checkMode(origin.manifest, graph, options)
    restoreFrom(origin, graph, plan, options)
  }
  if (wished?.rewind) checkRepeats(graph.nodes, wished.id, options.allowRepeat ?? [])
  const settle = async (): Promise<void> => {
    if (wished !== undefined) await history.goBackTo(wished)
  }
  return { origin, settle }
}

/** What each node gets from a checkpoint. */
export function restoreFrom(
  origin: Origin,
  graph: GraphDescription,
  plan: PhysicalPlan,
  options: RunOptions,
): Readonly<Record<string, readonly NodeRestore[]>> {
  const { folder, manifest } = origin
  return planRestore({ folder, manifest, graph, plan, wishes: wishesOf(options) })
}

function wishesOf(options: RunOptions): RestoreWishes {
  return { map: options.map ?? {}, allowDroppedState: options.allowDroppedState ?? [] }
}

function wishedOrigin(history: CheckpointHistory, options: RunOptions): Promise<Origin> | undefined {
  const { fromCheckpoint, fromSavepoint } = options
  if (fromSavepoint !== undefined) return history.findAt(resolve(fromSavepoint))
  if (fromCheckpoint === undefined) return undefined
  const id = typeof fromCheckpoint === 'number' ? fromCheckpoint : numberIn(fromCheckpoint)
  return id === undefined ? history.findAt(resolve(String(fromCheckpoint))) : history.find(id)
}

/** `--from-checkpoint 7` on a command line is a text. */
function numberIn(text: string): number | undefined {
  return /^\d+$/.test(text) ? Number(text) : undefined
}
