// The unbounded join against a model of two nested loops, in every way a node may run and in whole jobs.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { at, elapse, runJobHere, second, testJob, testNode } from '../../../runtime/testing/index.ts'
import { type Act, type Item, scripts, stepsOf, twoStreamJob } from '../../support/two-streams.ts'

const pair = (a: { id: number }, b: { id: number }): string => `${a.id}+${b.id}`
const many = (parts: Parameters<typeof twoStreamJob<string>>[1] = {}) =>
  twoStreamJob((left, right) => left.join(right).unbounded().apply('joined', pair), parts)

const itemsOf = (script: readonly Act[], side: 0 | 1): Item[] =>
  script.flatMap((act) => (act.kind === 'record' && act.side === side ? [act.item] : []))
const model = (left: readonly Item[], right: readonly Item[]): string[] =>
  left.flatMap((a) => right.filter((b) => b.key === a.key).map((b) => pair(a, b)))
/** The first of each key only. */
const firsts = (script: readonly Act[], side: 0 | 1): Act[] => {
  const seen = new Set<number>()
  return script.filter((act) => {
    if (act.kind !== 'record' || act.side !== side) return true
    return !seen.has(act.item.key) && seen.add(act.item.key)
  })
}

describe('many to many', () => {
  test('is as the model says, however the node is run', async () => {
    await fc.assert(
      fc.asyncProperty(scripts(), async (script) => {
        const expected = model(itemsOf(script, 0), itemsOf(script, 1))
        await testNode(many(), 'joined', { input: stepsOf(script), expected, batch: expected, anyOrder: true })
      }),
      { numRuns: 10 },
    )
  })

  test('through throws, at several parallelisms', async () => {
    const [left, right] = [0, 1].map((side) =>
      Array.from({ length: 20 }, (_, i): Item => ({ key: i % 5, id: i * 2 + side, time: i })),
    ) as [Item[], Item[]]
    await testJob<string>((out) => many({ left, right, out }), {
      expected: model(left, right),
      parallelism: [1, 2, 3],
      faults: [{ node: 'joined', record: 9 }],
    })
  })

  test('a row has the event time of the record that completed it', async () => {
    const [a, b] = [
      { key: 1, id: 1, time: 9 },
      { key: 1, id: 2, time: 4 },
    ]
    await testNode(many(), 'joined', { input: [at(9, a), second(at(4, b))], expected: [at(4, '1+2')] })
  })
})

describe('a side with one record per key', () => {
  const toOne = (left: boolean, right: boolean) =>
    twoStreamJob((a, b) =>
      a
        .join(b)
        .unbounded({
          left: { one: left, keep: ({ id }) => ({ id }) },
          right: { one: right, keep: ({ id }) => ({ id }) },
        })
        .apply('joined', pair),
    )

  test.each([
    [true, false],
    [false, true],
    [true, true],
  ])('left %s, right %s: is as the model says', async (left, right) => {
    await fc.assert(
      fc.asyncProperty(scripts(), async (all) => {
        const once = left ? firsts(all, 0) : all
        const script = right ? firsts(once, 1) : once
        const expected = model(itemsOf(script, 0), itemsOf(script, 1))
        const input = stepsOf(script)
        await testNode(toOne(left, right), 'joined', { input, expected, batch: expected, anyOrder: true })
      }),
      { numRuns: 5 },
    )
  })

  test('a second record is refused, with node, record and side', async () => {
    const item = { key: 1, id: 1, time: 0 }
    await expect(
      testNode(toOne(false, true), 'joined', { input: [second(item), second(item)], expected: [] }),
    ).rejects.toThrow(
      /Node "joined" threw on \{ key: 1, .*its key has had a record, and the right stream was said to have one per key/,
    )
  })

  test('one that makes no rows lets nothing wait for it', async () => {
    const odd = twoStreamJob((a, b) =>
      a
        .join(b)
        .unbounded({ left: { one: true, keep: (item) => (item.id % 2 === 1 ? item : undefined) } })
        .apply('joined', pair),
    )
    const of = (key: number, id: number): Item => ({ key, id, time: 0 })
    const input = [second(of(1, 10)), second(of(2, 20)), of(1, 1), of(2, 2), second(of(1, 11)), second(of(2, 21))]
    await testNode(odd, 'joined', { input, expected: ['1+10', '1+11'] })
  })
})

test('a record that keep() refuses joins nothing; the rows get what it returned', async () => {
  const kept = twoStreamJob((a, b) =>
    a
      .join(b)
      .unbounded({ left: { keep: ({ id }) => (id < 10 ? `left ${id}` : null) }, right: { keep: ({ id }) => id } })
      .apply('joined', (left, right) => `${left}, right ${right}`),
  )
  const of = (id: number): Item => ({ key: 1, id, time: 0 })
  await testNode(kept, 'joined', {
    input: [of(1), of(11), second(of(2)), of(3)],
    expected: ['left 1, right 2', 'left 3, right 2'],
  })
})

test('records are forgotten after their time to live, that of their side first', async () => {
  const short = twoStreamJob((a, b) =>
    a
      .join(b)
      .unbounded({ ttlMs: 100, right: { ttlMs: 10 } })
      .apply('joined', pair),
  )
  const of = (id: number): Item => ({ key: 1, id, time: 0 })
  const input = [of(1), second(of(2)), elapse(50), of(3), second(of(4)), elapse(60), second(of(5))]
  await testNode(short, 'joined', { input, expected: ['1+2', '1+4', '3+4', '3+5'] })
})

test('what the row function throws is told with the node', async () => {
  const item = { key: 1, id: 1, time: 0 }
  const throwing = twoStreamJob(
    (a, b) =>
      a
        .join(b)
        .unbounded()
        .apply('joined', (): string => {
          throw new Error('no row')
        }),
    { left: [item], right: [item] },
  )
  const { failure } = await runJobHere(throwing, { restart: { strategy: 'none' } })
  expect(failure?.message).toMatch(/Node "joined" threw on \{ key: 1, id: 1, time: 0 \}: no row/)
})

test.each([
  [{ ttlMs: 0 }, /Option ttlMs from node "joined"/],
  [{ left: { ttlMs: -1 } }, /Option left.ttlMs from node "joined"/],
  [{ right: { ttlMs: Number.NaN } }, /Option right.ttlMs from node "joined"/],
])('options %j are refused where they are written', (options, message) => {
  const refused = twoStreamJob((a, b) => a.join(b).unbounded(options).apply('joined', pair))
  expect(() => refused.build({ settings: {}, dataDir: '', mode: 'stream' })).toThrow(message)
})
