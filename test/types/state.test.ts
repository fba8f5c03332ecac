// State handles have the types they were declared with.

import { expectTypeOf, test } from 'vitest'
import {
  type AggregatingState,
  type Collector,
  KeyedProcessFunction,
  type ListState,
  type MapState,
  type ValueState,
} from '../../src/index.ts'

/** Never opened: the compiler reads it. */
class Declares extends KeyedProcessFunction<string, number, string> {
  readonly value = this.valueState<{ n: number }>('value', { version: 2, migrate: () => ({ n: 0 }) })
  readonly list = this.listState<Date>('list', { ttl: { ttlMs: 1 } })
  readonly map = this.mapState<string, bigint>('map')
  readonly max = this.reducingState('max', (a: number, b: number) => Math.max(a, b))
  readonly mean = this.aggregatingState('mean', {
    create: () => [0, 0] as [number, number],
    add: (value: number, [sum, n]) => [sum + value, n + 1] as [number, number],
    result: ([sum, n]) => `${sum / n}`,
    merge: ([a, n], [b, m]) => [a + b, n + m] as [number, number],
  })

  override process(value: number, _context: unknown, out: Collector<string>): void {
    this.value.set({ n: value })
    // @ts-expect-error not what was declared
    this.value.set(value)
    // @ts-expect-error there may be none yet
    this.value.get().n
    this.max.add(1)
    // @ts-expect-error keys are strings
    this.map.get(1)
    out.emit(this.mean.get() ?? '')
  }
}

test('state handles', () => {
  expectTypeOf<Declares['value']>().toEqualTypeOf<ValueState<{ n: number }>>()
  expectTypeOf<Declares['list']>().toEqualTypeOf<ListState<Date>>()
  expectTypeOf<Declares['map']>().toEqualTypeOf<MapState<string, bigint>>()
  expectTypeOf<Declares['mean']>().toEqualTypeOf<AggregatingState<number, string>>()
})
