import type { AggregateFunction, AggregatingState, ReducingState, ValueState } from '../../src/contract/state.ts'

/** A value per key that every added one is combined with. */
export class ReducingCell implements ReducingState<unknown> {
  readonly #cell: ValueState<unknown>
  readonly #reduce: (a: unknown, b: unknown) => unknown

  constructor(cell: ValueState<unknown>, reduce: (a: unknown, b: unknown) => unknown) {
    this.#cell = cell
    this.#reduce = reduce
  }

  get(): unknown {
    return this.#cell.get()
  }

  add(value: unknown): void {
    const before = this.#cell.get()
    this.#cell.set(before === undefined ? value : this.#reduce(before, value))
  }

  clear(): void {
    this.#cell.clear()
  }
}

/** An accumulator per key. */
export class AggregatingCell implements AggregatingState<unknown, unknown> {
  readonly #cell: ValueState<unknown>
  readonly #aggregate: AggregateFunction<unknown, unknown, unknown>

  constructor(cell: ValueState<unknown>, aggregate: AggregateFunction<unknown, unknown, unknown>) {
    this.#cell = cell
    this.#aggregate = aggregate
  }

  get(): unknown {
    const accumulator = this.#cell.get()
    return accumulator === undefined ? undefined : this.#aggregate.result(accumulator)
  }

  add(value: unknown): void {
    this.#cell.set(this.#aggregate.add(value, this.#cell.get() ?? this.#aggregate.create()))
  }

  clear(): void {
    this.#cell.clear()
  }
}
