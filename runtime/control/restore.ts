// Where a run starts: what its options wish, checked against what is there and what the job is now.

import { resolve } from 'node:path'
import type { CheckpointHistory, Origin } from '../checkpoint/history.ts'
import { checkRepeats, type RestoreWishes } from '../checkpoint/restore-checks.ts'
import { planRestore } from '../checkpoint/restore-plan.ts'
import type { NodeRestore } from '../checkpoint/snapshot.ts'
import type { GraphDescription, PhysicalPlan } from '../plan/physical-plan.ts'
import type { RunOptions } from './run-types.ts'

/**
 * Settles where this run starts, durably if it goes back: afterwards `history.latest()` is the place. Refuses what cannot be
 * restored before anything was touched. Throws CHECKPOINT_*, RESTORE_*, CONFIG_INVALID.
 */
export async function chooseOrigin(
  history: CheckpointHistory,
  graph: GraphDescription,
  plan: PhysicalPlan,
  options: RunOptions,
): Promise<Origin | undefined> {
  const wished = await wishedOrigin(history, options)
  const origin = wished ?? (await history.latest())
  if (origin === undefined) return undefined
  restoreFrom(origin, graph, plan, options)
  if (wished?.rewind) checkRepeats(graph.nodes, wished.id, options.allowRepeat ?? [])
  if (wished !== undefined) await history.goBackTo(wished)
  return origin
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
  if (fromSavepoint !== undefined) return history.findFolder(resolve(fromSavepoint))
  if (fromCheckpoint === undefined) return undefined
  const id = typeof fromCheckpoint === 'number' ? fromCheckpoint : numberIn(fromCheckpoint)
  return id === undefined ? history.findFolder(resolve(String(fromCheckpoint))) : history.find(id)
}

/** `--from-checkpoint 7` on a command line is a text. */
function numberIn(text: string): number | undefined {
  return /^\d+$/.test(text) ? Number(text) : undefined
}
