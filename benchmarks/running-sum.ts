import { type Collector, type KeyedProcessContext, KeyedProcessFunction } from 'millrace'
import type { KeyValue } from './key-value.ts'

/** Adds up the values of a key and emits each new total. */
export class RunningSum extends KeyedProcessFunction<number, KeyValue, KeyValue> {
  readonly #sum = this.valueState<number>('sum')

  override process({ value }: KeyValue, { key }: KeyedProcessContext<number>, out: Collector<KeyValue>): void {
    const total = (this.#sum.get() ?? 0) + value
    this.#sum.set(total)
    out.emit({ key, value: total })
  }
}
