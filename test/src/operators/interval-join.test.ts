// The interval join against a model of two nested loops over the records that come in time.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { at, runJobHere, second, testJob, testNode, watermark } from '../../../runtime/testing/index.ts'
import { collect } from '../../../src/connectors/collect/index.ts'
import { fromArray, type IntervalJoinOptions, type JoinType, job, sideOutput } from '../../../src/index.ts'
import { type Item, inTime, scripts, stepsOf, twoStreamJob, withoutWatermarks } from '../../support/two-streams.ts'

const row = (a: Item | undefined, b: Item | undefined): string => `${a?.id ?? '-'}+${b?.id ?? '-'}`
const late = sideOutput<Item>('late')

type Options = IntervalJoinOptions<Item, Item, JoinType>

function joined(
  lower: number,
  upper: number,
  options: Options,
  parts: Parameters<typeof twoStreamJob<string>>[1] = {},
) {
  return twoStreamJob((left, right) => left.join(right).between(lower, upper, options).apply('joined', row), parts)
}

function model(left: readonly Item[], right: readonly Item[], lower: number, upper: number, options: Options) {
  const { type = 'inner', lowerBoundExclusive = false, upperBoundExclusive = false } = options
  const areMates = (a: Item, b: Item): boolean => {
    const after = b.time - a.time
    if (a.key !== b.key || after < lower || after > upper) return false
    return !(lowerBoundExclusive && after === lower) && !(upperBoundExclusive && after === upper)
  }
  const pairs = left.flatMap((a) =>
    right.filter((b) => areMates(a, b)).map((b) => at(Math.max(a.time, b.time), row(a, b))),
  )
  const leftAlone = left.filter((a) => !right.some((b) => areMates(a, b)))
  const rightAlone = right.filter((b) => !left.some((a) => areMates(a, b)))
  return [
    ...pairs,
    ...(type === 'left' || type === 'full'
      ? leftAlone.map((a) => at(a.time + Math.max(0, upper), row(a, undefined)))
      : []),
    ...(type === 'right' || type === 'full'
      ? rightAlone.map((b) => at(b.time + Math.max(0, -lower), row(undefined, b)))
      : []),
  ]
}

const intervals = fc
  .tuple(fc.integer({ min: -12, max: 12 }), fc.integer({ min: 0, max: 12 }))
  .map(([lower, length]): [number, number] => [lower, lower + length])

describe.each(['inner', 'left', 'right', 'full'] as const)('%s', (type) => {
  test('is as the model says, however the node is run', async () => {
    await fc.assert(
      fc.asyncProperty(scripts(), intervals, fc.boolean(), fc.boolean(), async (script, [lower, upper], low, high) => {
        const options: Options = {
          type,
          lowerBoundExclusive: low,
          upperBoundExclusive: high,
          lateLeft: late,
          lateRight: late,
        }
        const records = inTime(script)
        await testNode(joined(lower, upper, options), 'joined', {
          input: stepsOf(script),
          expected: model(records.left, records.right, lower, upper, options),
          sides: { late: records.late.map((item) => at(item.time, item)) },
          anyOrder: true,
        })
      }),
      { numRuns: 8 },
    )
  })

  test('through throws, at several parallelisms', async () => {
    const [left, right] = [0, 1].map((side) =>
      Array.from({ length: 24 }, (_, i): Item => ({ key: i % 4, id: i * 2 + side, time: i * (2 - side) })),
    ) as [Item[], Item[]]
    const expected = model(left, right, -3, 2, { type }).map((step) => ('value' in step ? step.value : ''))
    await testJob<unknown>((out) => joined(-3, 2, { type }, { left, right, out: out as string[] }), {
      expected,
      parallelism: [1, 2, 3],
      faults: [{ node: 'joined', record: 9 }],
    })
  })
})

test('in batch mode: the same rows, and nothing is late', async () => {
  const types = fc.constantFrom<JoinType>('inner', 'left', 'right', 'full')
  await fc.assert(
    fc.asyncProperty(scripts(), intervals, types, async (all, [lower, upper], type) => {
      const script = withoutWatermarks(all)
      const { left, right } = inTime(script)
      const batch = model(left, right, lower, upper, { type })
      const test = { input: stepsOf(script), expected: [], batch, ways: ['in batch mode'] as const }
      await testNode(joined(lower, upper, { type }), 'joined', test)
    }),
    { numRuns: 10 },
  )
})

test('records are let go when no partner can come: after the last nothing is kept', async () => {
  const left = Array.from({ length: 2_000 }, (_, i): Item => ({ key: i, id: i, time: i * 100 }))
  const right = left.map((item) => ({ ...item, time: item.time + 10 }))
  const out: string[] = []
  const { metrics } = await runJobHere(joined(-10, 10, {}, { left, right, out }))
  expect(out).toHaveLength(2_000)
  expect(metrics.find(({ node }) => node === 'joined')?.stateBytes).toBeLessThan(1_000)
})

test('a stream without event times is refused, with what to do', async () => {
  const untimed = job('untimed', (flow) => {
    const keyed = (name: string) => flow.from(name, fromArray([1])).keyBy(`${name}-key`, (n) => n)
    keyed('a')
      .join(keyed('b'))
      .between(0, 1)
      .apply('joined', (a, b) => a + b)
      .to('out', collect<number>([]))
  })
  const { failure } = await runJobHere(untimed, { restart: { strategy: 'none' } })
  expect(failure?.message).toMatch(/Node "joined" threw on 1: it has no event time: call assignTimestampsAndWatermarks/)
})

test('an interval that ends before it begins is refused where it is written', () => {
  for (const [lower, upper] of [
    [3, 2],
    [Number.NaN, 2],
  ] as const) {
    expect(() => joined(lower, upper, {}).build({ settings: {}, dataDir: '', mode: 'stream' })).toThrow(
      /Node "joined" got an interval from \S+ to 2 ms: expected a lower bound that is not above the upper/,
    )
  }
})

test('late records are counted', async () => {
  const of = (id: number, time: number): Item => ({ key: 1, id, time })
  const input = [at(10, of(1, 10)), watermark(10), second(at(10, of(2, 10))), second(at(11, of(3, 11)))]
  await testNode(joined(0, 5, { lateRight: late }), 'joined', {
    input,
    expected: ['1+3'],
    sides: { late: [of(2, 10)] },
  })
})
