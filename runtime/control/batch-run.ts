// What differs in a batch run with keyed nodes: these exchange nothing before their input has ended and keep no state after it, so that
// no checkpoint but the last can be restored, and what can be gone on from is limited.

import { MillraceError } from '../../src/errors.ts'
import type { Manifest } from '../checkpoint/manifest.ts'
import type { GraphDescription } from '../plan/physical-plan.ts'
import type { RunOptions } from './run-types.ts'

/** Whether only the last checkpoint of such a run can be restored. */
export function keepsLastOnly(graph: GraphDescription, { mode }: RunOptions): boolean {
  return mode === 'batch' && keyedNode(graph) !== undefined
}

/**
 * Refuses to go on in batch mode from keyed state, and in stream mode from the end of a batch run, which kept none. From the end of
 * a batch run another one may start: it commits what that one left, and refuses further records. Throws RESTORE_MODE.
 */
export function checkMode(manifest: Manifest, graph: GraphDescription, { mode = 'stream' }: RunOptions): void {
  const was = manifest.mode ?? 'stream'
  const node = keyedNode(graph)
  if (was === mode || node === undefined) return
  const reason =
    was === 'stream'
      ? `node "${node}" has keyed state, which a batch run does not take over`
      : `node "${node}" kept no state when the batch run ended`
  throw new MillraceError('RESTORE_MODE', { checkpoint: manifest.id, was, now: mode, reason })
}

function keyedNode(graph: GraphDescription): string | undefined {
  return graph.nodes.find(({ keyed }) => keyed)?.name
}
