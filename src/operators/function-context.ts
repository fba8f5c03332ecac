import type { TimerService } from '../contract/keyed-context.ts'
import type { KeyedProcessContext, OnTimerContext } from '../contract/process-function.ts'
import { MillraceError } from '../errors.ts'
import type { Key } from '../util/key-group.ts'

/** The context of keyed functions: one per operator, its fields set anew before each call. */
export class KeyedFunctionContext<K extends Key> implements OnTimerContext<K> {
  timestamp: number | undefined = undefined
  domain: 'event' | 'processing' = 'event'
  key: K
  readonly timers: TimerService

  constructor(timers: TimerService, anyKey: K) {
    this.timers = timers
    this.key = anyKey
  }
}

/** The context of a two-input function whose streams have no key: asking for the key or timers says what to do. */
export class UnkeyedFunctionContext implements KeyedProcessContext<never> {
  timestamp: number | undefined = undefined
  readonly #node: string

  constructor(node: string) {
    this.#node = node
  }

  get key(): never {
    throw new MillraceError('GRAPH_STATE_WITHOUT_KEY', { node: this.#node })
  }

  get timers(): never {
    throw new MillraceError('GRAPH_STATE_WITHOUT_KEY', { node: this.#node })
  }
}
