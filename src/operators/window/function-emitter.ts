import type { Output } from '../../contract/operator.ts'
import type { RuntimeContext } from '../../contract/runtime-context.ts'
import type { TimeWindow } from '../../time/window.ts'
import type { Key } from '../../util/key-group.ts'
import { BatchCollector } from '../collector.ts'
import { claim } from '../user-function.ts'
import type { ProcessWindowFunction } from './process-window-function.ts'
import { refusePromise, type WindowEmitter } from './window-emitter.ts'

/** Hands the records of a window to a ProcessWindowFunction. */
export class FunctionEmitter implements WindowEmitter {
  readonly #node: string
  readonly #fn: ProcessWindowFunction<Key, unknown, unknown>
  readonly #collector: BatchCollector<unknown>

  constructor(node: string, fn: ProcessWindowFunction<Key, unknown, unknown>) {
    this.#node = node
    this.#fn = fn
    this.#collector = new BatchCollector(node)
  }

  open(context: RuntimeContext): void | Promise<void> {
    claim(this.#node, this.#fn)
    return this.#fn.open(context)
  }

  emit(key: Key, window: TimeWindow, result: unknown, timestamp: number | undefined, out: Output): void {
    const collector = this.#collector
    collector.timestamp = timestamp
    collector.begin(out)
    const returned: unknown = this.#fn.process(result as readonly unknown[], { key, window }, collector)
    refusePromise(returned)
    collector.end()
  }

  close(): void | Promise<void> {
    return this.#fn.close()
  }
}
