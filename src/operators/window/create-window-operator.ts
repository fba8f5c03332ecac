import type { Operator } from '../../contract/operator.ts'
import { MillraceError } from '../../errors.ts'
import { checkDuration, checkWindows } from '../../time/window.ts'
import { CountWindowOperator } from './count-window-operator.ts'
import { SessionWindowOperator } from './session-window-operator.ts'
import { SlicedWindowOperator } from './sliced-window-operator.ts'
import type { WindowSpec } from './window-spec.ts'

/** The operator that suits the windows. Throws CONFIG_INVALID for what makes no sense. */
export function createWindowOperator(spec: WindowSpec): Operator {
  const { node, assigner, allowedLatenessMs, emitEveryMs } = spec
  checkWindows(node, assigner)
  if (allowedLatenessMs !== 0) checkDuration(node, 'allowedLateness()', allowedLatenessMs)
  if (emitEveryMs !== undefined) checkDuration(node, 'emitEvery()', emitEveryMs)
  switch (assigner.kind) {
    case 'count':
      return new CountWindowOperator(spec, assigner)
    case 'session':
      return new SessionWindowOperator(spec, assigner)
    case 'global':
      throw new MillraceError('CONFIG_INVALID', {
        path: 'trigger()',
        origin: `node "${node}"`,
        reason: 'global windows give no results without a trigger',
      })
    default:
      return new SlicedWindowOperator(spec, assigner)
  }
}
