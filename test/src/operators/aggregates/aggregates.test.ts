// Each aggregate function against its definition over the values that are there: whatever was added and taken back, in whatever
// order, however often the accumulator was written and read in between, and however it was put together.

import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { msgpackCodec } from '../../../../src/codec/msgpack-codec.ts'
import {
  type AggregateFunction,
  aggregates,
  avg,
  collectList,
  count,
  countDistinct,
  Decimal,
  divideDecimal,
  first,
  last,
  max,
  maxBy,
  min,
  minBy,
  type RetractableAggregateFunction,
  sum,
} from '../../../../src/index.ts'
import { retracting } from '../../../../src/operators/aggregates/retracting.ts'
import { sameValue } from '../../../../src/util/same-value.ts'

interface Item<V> {
  readonly id: number
  readonly v: V
}

type Model = (items: readonly Item<never>[]) => unknown
// biome-ignore lint/suspicious/noExplicitAny: each case has a type of its own
type Case = readonly [name: string, fn: AggregateFunction<any, any, any>, values: fc.Arbitrary<unknown>, model: Model]

const nullish = { values: [null, undefined], withCrossShrink: true }
const orNull = <V>(values: fc.Arbitrary<V>) =>
  fc.oneof({ weight: 5, arbitrary: values }, fc.constantFrom(...nullish.values))
// Few values beside many, so that equal ones meet.
const integers = orNull(fc.oneof(fc.integer({ min: -2, max: 2 }), fc.integer({ min: -1000, max: 1000 })))
const doubles = orNull(fc.double({ min: -1e300, max: 1e300, noNaN: true, noInteger: true }))
const bigints = orNull(fc.oneof(fc.constantFrom(1n, 2n, -1n), fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n })))
const decimals = orNull(
  fc
    .tuple(
      fc.oneof(fc.constantFrom(1n, -25n), fc.bigInt({ min: -(10n ** 34n), max: 10n ** 34n })),
      fc.oneof(fc.constant(2), fc.nat(30)),
    )
    .map(([digits, scale]) => new Decimal(`${digits}e-${scale}`)),
)
const words = orNull(fc.constantFrom('a', 'b', 'c', '', '\0sa', '\u{1f600}'))
const mixed = orNull(
  fc.constantFrom<unknown>(0, -0, 1, 1n, '1', true, new Decimal(1), new Decimal('1.0'), new Date(1), [1, '1'], '\0d1'),
)

const present = (items: readonly Item<never>[]): never[] =>
  items.map(({ v }) => v).filter((v) => v !== null && v !== undefined)
const Exact = Decimal.clone({ precision: 3000, toExpNeg: -9e15 })
const exactly = (values: readonly (number | Decimal)[]) =>
  values.reduce((total: Decimal, v) => total.plus(v), new Exact(0))
const orNullOf = <V>(values: readonly V[], fold: (values: readonly V[]) => unknown) =>
  values.length === 0 ? null : fold(values)
const bigSum = (values: readonly bigint[]) => values.reduce((a, b) => a + b, 0n)
const order = (a: unknown, b: unknown): number =>
  a instanceof Decimal
    ? a.cmp(b as Decimal)
    : (a as number) < (b as number)
      ? -1
      : (a as number) > (b as number)
        ? 1
        : 0
const best = (sign: number) => (values: readonly unknown[]) =>
  values.reduce((kept, v) => (order(v, kept) * sign > 0 ? v : kept))
const bestItem = (sign: number) => (items: readonly Item<never>[]) => {
  const candidates = items.filter(({ v }) => v !== null && v !== undefined)
  return orNullOf(candidates, (all) => all.reduce((kept, item) => (order(item.v, kept.v) * sign > 0 ? item : kept)))
}
const different = (values: readonly unknown[]) =>
  values.filter((v, i) => values.findIndex((other) => typeof other === typeof v && sameValue(other, v)) === i).length

const v = (item: Item<never>) => item.v
const CASES: readonly Case[] = [
  ['count()', count(), integers, (items) => items.length],
  ['count(selector)', count(v), integers, (items) => present(items).length],
  ['countDistinct', countDistinct(v), mixed, (items) => different(present(items))],
  ['sum of numbers', sum(v), integers, (items) => orNullOf(present(items), (all) => exactly(all).toNumber() + 0)],
  ['sum of bigints', sum(v), bigints, (items) => orNullOf(present(items), bigSum)],
  ['sum of Decimals', sum(v), decimals, (items) => orNullOf(present(items), (all) => exactly(all))],
  [
    'avg of numbers',
    avg(v),
    integers,
    (items) => orNullOf(present(items), (all) => (exactly(all).toNumber() + 0) / all.length),
  ],
  ['avg of bigints', avg(v), bigints, (items) => orNullOf(present(items), (all) => bigSum(all) / BigInt(all.length))],
  [
    'avg of Decimals',
    avg(v, { scale: 4 }),
    decimals,
    (items) => orNullOf(present(items), (all) => divideDecimal(new Decimal(exactly(all)), new Decimal(all.length), 4)),
  ],
  ['min of numbers', min(v), integers, (items) => orNullOf(present(items), best(-1))],
  ['max of numbers with fractions', max(v), doubles, (items) => orNullOf(present(items), best(1))],
  ['max of bigints', max(v), bigints, (items) => orNullOf(present(items), best(1))],
  ['min of Decimals', min(v), decimals, (items) => orNullOf(present(items), best(-1))],
  ['max of strings', max(v), words, (items) => orNullOf(present(items), best(1))],
  ['minBy', minBy(v), integers, bestItem(-1)],
  ['maxBy', maxBy(v), words, bestItem(1)],
  ['first', first(v), words, (items) => present(items)[0] ?? null],
  ['first record', first(), words, (items) => items[0] ?? null],
  ['last', last(v), decimals, (items) => present(items).at(-1) ?? null],
  ['collectList', collectList(v), mixed, present],
  [
    'aggregates',
    aggregates({ n: count(v), total: sum(v), top: max(v), list: collectList(v) }),
    bigints,
    (items) => ({
      n: present(items).length,
      total: orNullOf(present(items), bigSum),
      top: orNullOf(present(items), best(1)),
      list: present(items),
    }),
  ],
]

const kept = <Acc>(accumulator: Acc): Acc => msgpackCodec.decode(msgpackCodec.encode(accumulator))
const items = (values: fc.Arbitrary<unknown>) =>
  fc.array(values, { maxLength: 12 }).map((list) => list.map((value, id) => ({ id, v: value }) as Item<never>))
const fold = <Acc>(fn: AggregateFunction<unknown, Acc, unknown>, values: readonly unknown[], from = fn.create()): Acc =>
  values.reduce((accumulator: Acc, value) => fn.add(value, accumulator), from)
const same = (actual: unknown, expected: unknown): void => {
  if (!sameValue(actual, expected)) expect.fail(`${inspect(actual)} is not ${inspect(expected)}`)
}

describe.each(CASES)('%s', (_name, fn, values, model) => {
  test('is what its definition says', () => {
    fc.assert(fc.property(items(values), (list) => same(fn.result(fold(fn, list)), model(list))))
  })

  test('is the same with its accumulator written and read after each step', () => {
    fc.assert(
      fc.property(items(values), (list) => {
        const accumulator = list.reduce((acc, item) => kept(fn.add(item, acc)), kept(fn.create()))
        same(fn.result(accumulator), model(list))
      }),
    )
  })

  test('merges into what adding all would have given', () => {
    const split = fc.tuple(items(values), fc.nat(12), fc.nat(12))
    fc.assert(
      fc.property(split, ([list, a, b]) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)]
        for (const form of [fn, retracting('n', fn)]) {
          const parts = () =>
            [list.slice(0, from), list.slice(from, to), list.slice(to)].map((part) => fold(form, part))
          const [x, y, z] = parts()
          same(form.result(form.merge(form.merge(x, y), z)), model(list))
          const [p, q, r] = parts()
          same(form.result(form.merge(p, form.merge(q, r))), model(list))
        }
      }),
    )
  })

  test('merging leaves the second accumulator as it is, whatever is added to the result', () => {
    const triple = fc.tuple(items(values), items(values), items(values))
    fc.assert(
      fc.property(triple, ([list, second, more]) => {
        for (const form of [fn, retracting('n', fn)]) {
          const untouched = fold(form, second)
          fold(form, more, form.merge(fold(form, list), untouched))
          same(form.result(untouched), model(second))
        }
      }),
    )
  })

  test('with what was taken back is as if that never had been', () => {
    const steps = fc.array(fc.tuple(values, fc.boolean(), fc.nat(), fc.boolean()), { maxLength: 30 })
    fc.assert(
      fc.property(steps, (list) => {
        const form: RetractableAggregateFunction<unknown, unknown, unknown> = retracting('n', fn)
        const there: Item<never>[] = []
        let accumulator = form.create()
        for (const [id, [value, retract, at, write]] of list.entries()) {
          if (retract && there.length > 0) {
            const [gone] = there.splice(oldestLike(there, at % there.length, fn), 1)
            accumulator = form.retract(gone, accumulator)
          } else {
            const item = { id, v: value } as Item<never>
            there.push(item)
            accumulator = form.add(item, accumulator)
          }
          if (write) accumulator = kept(accumulator)
          same(form.result(accumulator), model(there))
        }
      }),
    )
  })
})

/** Of equal values the oldest is taken back: records differ by their id, what is selected from them may not. */
function oldestLike(there: readonly Item<never>[], at: number, fn: unknown): number {
  const byRecord = CASES.some(([name, one]) => one === fn && /record|By/.test(name))
  return byRecord ? at : there.findIndex((item) => sameValue(item.v, there[at]?.v))
}
