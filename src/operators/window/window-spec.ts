import type { OutputTag } from '../../contract/process-function.ts'
import type { AggregateFunction, StateDescriptor } from '../../contract/state.ts'
import type { Trigger } from '../../time/trigger.ts'
import type { WindowAssigner } from '../../time/window.ts'
import type { WindowEmitter } from './window-emitter.ts'

/** What a window keeps of its records. */
export interface WindowFold extends AggregateFunction<unknown, unknown, unknown> {
  /** It is given Arrived instead of records, for it keeps all of them in their order. */
  readonly numbered?: boolean
}

/** What the API says about a window node; each subtask makes its operator from it. */
export interface WindowSpec {
  readonly node: string
  readonly assigner: WindowAssigner<never>
  readonly allowedLatenessMs: number
  readonly lateRecords: OutputTag<unknown> | undefined
  readonly emitEveryMs: number | undefined
  readonly trigger: Trigger<never> | undefined
  readonly fold: WindowFold
  readonly createEmitter: () => WindowEmitter
}

/** The one state of a window node: everything that is kept of a key's windows. */
export const WINDOWS_STATE: StateDescriptor = { name: 'windows', kind: 'value', options: {} }
