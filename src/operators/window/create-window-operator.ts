import type { Operator } from '../../contract/operator.ts'
import { MillraceError } from '../../errors.ts'
import { checkDuration, checkWindows } from '../../time/window.ts'
import { CountWindowOperator } from './count-window-operator.ts'
import { SessionWindowOperator } from './session-window-operator.ts'
import { SlicedWindowOperator } from './sliced-window-operator.ts'
import { TriggeredWindowOperator } from './triggered-window-operator.ts'
import type { WindowSpec } from './window-spec.ts'

/** The operator that suits the windows. Throws CONFIG_INVALID for what makes no sense. */
export function createWindowOperator(spec: WindowSpec): Operator {
  const { node, assigner, trigger } = spec
  checkWindows(node, assigner)
  checkSaid(spec)
  if (assigner.kind === 'count') return new CountWindowOperator(spec, assigner)
  if (trigger !== undefined) return new TriggeredWindowOperator(spec, assigner, trigger)
  if (assigner.kind === 'global')
    throw invalid(node, 'globalWindows()', 'they never end: without trigger() there is no result')
  return assigner.kind === 'session'
    ? new SessionWindowOperator(spec, assigner)
    : new SlicedWindowOperator(spec, assigner)
}

function checkSaid({ node, assigner, allowedLatenessMs, lateRecords, emitEveryMs, trigger }: WindowSpec): void {
  if (allowedLatenessMs !== 0) checkDuration(node, 'allowedLateness()', allowedLatenessMs)
  if (emitEveryMs !== undefined) checkDuration(node, 'emitEvery()', emitEveryMs)
  if (emitEveryMs !== undefined && trigger !== undefined)
    throw invalid(node, 'emitEvery()', 'the trigger says when there are results')
  if (trigger !== undefined && assigner.kind === 'session' && trigger.onMerge === undefined)
    throw invalid(node, 'trigger()', 'sessions merge, and the trigger has no onMerge()')
  if (assigner.kind === 'count' && (trigger !== undefined || emitEveryMs !== undefined))
    throw invalid(node, 'countWindow()', 'such windows give their results by number, without trigger() or emitEvery()')
  const untimed = assigner.kind === 'count' || assigner.kind === 'global' || assigner.processingTime
  if (untimed && (allowedLatenessMs !== 0 || lateRecords !== undefined))
    throw invalid(
      node,
      'allowedLateness() or lateRecords()',
      'nothing is late in windows of the clock, of a count, or without an end',
    )
}

function invalid(node: string, path: string, reason: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', { path, origin: `node "${node}"`, reason })
}
