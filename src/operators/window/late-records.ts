import type { Output } from '../../contract/operator.ts'
import type { OutputTag } from '../../contract/process-function.ts'
import type { Counter, MetricGroup } from '../../contract/runtime-context.ts'

/** Where records go that come when the last of their windows is gone: to a side output if one was asked for, else they are counted. */
export class LateRecords {
  readonly #output: string | undefined
  #counter: Counter | undefined

  constructor(tag: OutputTag<unknown> | undefined) {
    this.#output = tag?.name
  }

  open(metrics: MetricGroup): void {
    this.#counter = metrics.counter('lateRecords')
  }

  add(value: unknown, timestamp: number, out: Output): void {
    if (this.#output !== undefined) out.emit(value, timestamp, this.#output)
    else this.#counter?.add(1)
  }
}
