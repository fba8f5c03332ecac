// The temporal join against a model that looks every record's version up in all that ever came.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { at, runJobHere, second, testJob, testNode, watermark } from '../../../runtime/testing/index.ts'
import { sideOutput } from '../../../src/index.ts'
import { type Act, type Item, scripts, stepsOf, twoStreamJob, withoutWatermarks } from '../../support/two-streams.ts'

const late = sideOutput<Item>('late')
/** Every third version says that there is none. */
const version = ({ id }: Item): string | undefined => (id % 3 === 0 ? undefined : `v${id}`)
const row = (a: Item, v: string | undefined): string => `${a.id} ${v ?? 'none'}`

function joined(type: 'inner' | 'left', parts: Parameters<typeof twoStreamJob<string>>[1] = {}) {
  return twoStreamJob(
    (left, right) => left.temporalJoin(right, { version, type, lateLeft: late }).apply('joined', row),
    parts,
  )
}

/** A record is answered when the watermark reaches it, from all versions that came by then, for later ones only where they came late. */
function model(script: readonly Act[], type: 'inner' | 'left') {
  const versions: { readonly item: Item; readonly from: number }[] = []
  let waiting: Item[] = []
  let reached = Number.NEGATIVE_INFINITY
  const rows: unknown[] = []
  const tooLate: unknown[] = []
  const raise = (time: number): void => {
    reached = time
    for (const record of waiting.filter((one) => one.time <= reached)) {
      const valid = versions
        .filter(({ item, from }) => item.key === record.key && item.time <= record.time && from < record.time)
        .reduce<Item | undefined>(
          (best, { item }) => (best === undefined || item.time >= best.time ? item : best),
          undefined,
        )
      const value = valid === undefined ? undefined : version(valid)
      if (value !== undefined || type === 'left') rows.push(at(record.time, row(record, value)))
    }
    waiting = waiting.filter((one) => one.time > reached)
  }
  for (const act of script) {
    if (act.kind === 'watermark') raise(act.time)
    else if (act.side === 1) versions.push({ item: act.item, from: reached })
    else if (act.item.time <= reached) tooLate.push(at(act.item.time, act.item))
    else waiting.push(act.item)
  }
  raise(Number.POSITIVE_INFINITY)
  return { rows, late: tooLate }
}

describe.each(['inner', 'left'] as const)('%s', (type) => {
  test('is as the model says, however the node is run', async () => {
    await fc.assert(
      fc.asyncProperty(scripts(), async (script) => {
        const { rows, late: tooLate } = model(script, type)
        await testNode(joined(type), 'joined', {
          input: stepsOf(script),
          expected: rows,
          sides: { late: tooLate },
          anyOrder: true,
        })
      }),
      { numRuns: 15 },
    )
  })

  test('in batch mode: the same rows, and nothing is late', async () => {
    await fc.assert(
      fc.asyncProperty(scripts(), async (all) => {
        const script = withoutWatermarks(all)
        const { rows: batch } = model(script, type)
        const test = { input: stepsOf(script), expected: [], batch, ways: ['in batch mode'] as const }
        await testNode(joined(type), 'joined', test)
      }),
      { numRuns: 10 },
    )
  })

  test('through throws, at several parallelisms', async () => {
    const [left, right] = [0, 1].map((side) =>
      Array.from({ length: 24 }, (_, i): Item => ({ key: i % 4, id: i * 2 + side, time: i * (2 - side) })),
    ) as [Item[], Item[]]
    const script: Act[] = [
      ...right.map((item) => ({ kind: 'record' as const, side: 1 as const, item })),
      ...left.map((item) => ({ kind: 'record' as const, side: 0 as const, item })),
    ]
    const expected = model(script, type).rows.map((step) => (step as { value: string }).value)
    await testJob<string>((out) => joined(type, { left, right, out }), {
      expected,
      faults: [{ node: 'joined', record: 9 }],
      parallelism: [1, 3],
    })
  })
})

const of = (id: number, time: number): Item => ({ key: 1, id, time })

test('of two versions of one time the one that came last is valid; a record at a version’s time gets it', async () => {
  const input = [second(at(5, of(1, 5))), second(at(5, of(2, 5))), at(5, of(10, 5)), watermark(5)]
  await testNode(joined('inner'), 'joined', { input, expected: [at(5, '10 v2')] })
})

test('old versions and deleted keys are let go', async () => {
  const right = Array.from({ length: 3_000 }, (_, i): Item => ({ key: i % 1_000, id: i * 3, time: i }))
  const { metrics } = await runJobHere(joined('left', { right }))
  expect(metrics.find(({ node }) => node === 'joined')?.stateBytes).toBeLessThan(1_000)
})

test('in processing time: the latest version that has come, at once', async () => {
  const latest = twoStreamJob((left, right) =>
    left.temporalJoin(right, { version, type: 'left', processingTime: true }).apply('joined', row),
  )
  const input = [of(10, 0), second(of(1, 9)), of(11, 0), second(of(2, 3)), of(12, 0), second(of(3, 0)), of(13, 0)]
  await testNode(latest, 'joined', { input, expected: ['10 none', '11 v1', '12 v2', '13 none'] })
})

test('without version() the record itself is the version', async () => {
  const plain = twoStreamJob((left, right) => left.temporalJoin(right).apply('joined', (a, b) => `${a.id} at ${b.id}`))
  const input = [second(at(1, of(1, 1))), at(2, of(2, 2))]
  await testNode(plain, 'joined', { input, expected: [at(2, '2 at 1')] })
})

test('what the row function throws is told with the key', async () => {
  const throwing = twoStreamJob(
    (left, right) =>
      left.temporalJoin(right, { type: 'left' }).apply('joined', (): string => {
        throw new Error('no row')
      }),
    { left: [of(1, 1)] },
  )
  const { failure } = await runJobHere(throwing, { restart: { strategy: 'none' } })
  expect(failure?.message).toContain('Node "joined" threw on a record of key 1 whose time has come: no row')
})
