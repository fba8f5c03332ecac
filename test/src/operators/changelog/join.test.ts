// Joins of changelogs against nested loops: after each record, and in every way of running them.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { collect } from '../../../../src/connectors/collect/index.ts'
import { type JoinType, job } from '../../../../src/index.ts'
import type { RowChange } from '../../../../src/record/row-change.ts'
import {
  Bag,
  bagOf,
  changesOf,
  emptyTable,
  isRowChange,
  liveRows,
  type Mode,
  PLAYS,
  playAllWays,
  recordsOf,
} from '../../../support/changelog.ts'

interface Left {
  readonly k: string | null
  readonly l: number
}

interface Right {
  readonly k: string | null
  readonly r: number
}

type Change =
  | { readonly side: 0; readonly change: RowChange<Left> }
  | { readonly side: 1; readonly change: RowChange<Right> }

interface JoinCase {
  readonly type: JoinType
  readonly left: Mode
  readonly right: Mode
  readonly on?: (left: Left, right: Right) => boolean
  readonly unique?: 'left' | 'right' | 'both'
}

const at = <T>(changes: readonly T[], side: 0 | 1, places: readonly number[]) =>
  changes.map((change, index) => ({ side, change, place: places[index] ?? 0 }))

/** Changes of both sides in one order, each side's in its own. */
function inputOf({ left, right, type, unique }: JoinCase): fc.Arbitrary<Change[]> {
  // Rows of inner sides whose key is null never reach the join.
  const keys = (outer: boolean): fc.Arbitrary<string | null> => fc.constantFrom('a', 'b', 'c', ...(outer ? [null] : []))
  const lefts = changesOf(fc.record({ k: keys(type === 'left' || type === 'full'), l: fc.nat(2) }), left, 15).map(
    (changes) => (unique === 'left' || unique === 'both' ? withUniqueKeys(changes) : changes),
  )
  const rights = changesOf(fc.record({ k: keys(type === 'right' || type === 'full'), r: fc.nat(2) }), right, 15).map(
    (changes) => (unique === 'right' || unique === 'both' ? withUniqueKeys(changes) : changes),
  )
  const places = fc.array(fc.double({ noNaN: true, min: 0, max: 1 }), { minLength: 80, maxLength: 80 })
  return fc.tuple(lefts, rights, places).map(([l, r, spots]) => {
    const sorted = spots.toSorted((a, b) => a - b)
    const all = [
      ...at(
        l,
        0,
        sorted.filter((_, i) => i % 2 === 0),
      ),
      ...at(
        r,
        1,
        sorted.filter((_, i) => i % 2 === 1),
      ),
    ]
    return all.toSorted((a, b) => a.place - b.place) as unknown as Change[]
  })
}

function withUniqueKeys<T extends { readonly k: string | null }>(changes: readonly RowChange<T>[]): RowChange<T>[] {
  const seen = new Set<string>()
  return changes.filter(({ row: { k } }) => k === null || (!seen.has(k) && seen.add(k)))
}

function model({ type, on = () => true }: JoinCase, changes: readonly Change[]): unknown[] {
  const lefts = liveRows(changes.flatMap((one) => (one.side === 0 ? [one.change] : [])))
  const rights = liveRows(changes.flatMap((one) => (one.side === 1 ? [one.change] : [])))
  const match = (l: Left, r: Right): boolean => l.k !== null && l.k === r.k && on(l, r)
  const pairs = lefts.flatMap((l) => rights.filter((r) => match(l, r)).map((r) => rowOf(l, r)))
  const lonelyLefts = lefts.filter((l) => !rights.some((r) => match(l, r))).map((l) => rowOf(l, undefined))
  const lonelyRights = rights.filter((r) => !lefts.some((l) => match(l, r))).map((r) => rowOf(undefined, r))
  return [
    ...pairs,
    ...(type === 'left' || type === 'full' ? lonelyLefts : []),
    ...(type === 'right' || type === 'full' ? lonelyRights : []),
  ]
}

const rowOf = (left: Left | undefined, right: Right | undefined) => ({
  key: left?.k ?? right?.k ?? null,
  l: left?.l ?? null,
  r: right?.r ?? null,
})

const jobOf = ({ type, left, right, on, unique }: JoinCase) =>
  job('joins', (flow) => {
    emptyTable<Left>(flow, 'lefts', left)
      .join('join', emptyTable<Right>(flow, 'rights', right), {
        type,
        leftKey: ({ k }) => k,
        rightKey: ({ k }) => k,
        ...(on && { on }),
        ...(unique && { unique }),
        row: (l: Left | undefined, r: Right | undefined) => rowOf(l, r),
      })
      .changes('changes')
      .to('out', collect<unknown>([]))
  })

const TYPES = ['inner', 'left', 'right', 'full'] as const
const notMore = (left: Left, right: Right): boolean => left.l <= right.r

const CASES: readonly JoinCase[] = [
  ...TYPES.flatMap((type): JoinCase[] => [
    { type, left: 'append', right: 'append' },
    { type, left: 'retract', right: 'retract' },
    { type, left: 'retract', right: 'append', on: notMore },
    { type, left: 'append', right: 'retract', on: notMore, unique: 'left' },
    { type, left: 'append', right: 'append', unique: 'both' },
  ]),
  { type: 'inner', left: 'append', right: 'append', on: notMore, unique: 'left' },
  { type: 'full', left: 'retract', right: 'append', on: notMore, unique: 'right' },
  // Not heeded where rows go as well: their key may for a while have two.
  { type: 'inner', left: 'retract', right: 'append', unique: 'left' },
]

describe.each(CASES)('$type join of $left and $right, unique: $unique', (given) => {
  test('is as nested loops say', async () => {
    const property = async (changes: readonly Change[]): Promise<void> => {
      await playAllWays({
        job: jobOf(given),
        node: 'join',
        inputs: changes.map(({ side, change }) => {
          const mode = side === 0 ? given.left : given.right
          return { input: side, record: recordsOf<Left | Right>([change], mode)[0] }
        }),
        after: (n, emitted) => {
          expect(bagOf(emitted).content).toEqual(new Bag(model(given, changes.slice(0, n))).content)
        },
        end: (emitted, way) => {
          const expected = model(given, changes)
          expect(bagOf(emitted).content, way).toEqual(new Bag(expected).content)
          if (way.includes('batch')) expect(emitted.every((one) => !isRowChange(one) || one.kind === '+I')).toBe(true)
        },
      })
    }
    await fc.assert(fc.asyncProperty(inputOf(given), property), PLAYS)
  })
})

test('a join of tables that only grow, without outer sides, only grows: its records are rows', async () => {
  await playAllWays({
    job: jobOf({ type: 'inner', left: 'append', right: 'append' }),
    node: 'join',
    inputs: [
      { input: 0, record: { k: 'a', l: 1 } },
      { input: 1, record: { k: 'a', r: 2 } },
    ],
    end: (emitted) => expect(emitted).toEqual([{ key: 'a', l: 1, r: 2 }]),
  })
})

test('a second row of a key that was said to be unique fails the job', async () => {
  const second = playAllWays({
    job: jobOf({ type: 'inner', left: 'append', right: 'append', unique: 'left' }),
    node: 'join',
    inputs: [
      { input: 0, record: { k: 'a', l: 1 } },
      { input: 0, record: { k: 'a', l: 2 } },
    ],
    end: () => {},
  })
  const error = await second.catch((thrown: unknown) => thrown)
  expect(String(error)).toContain('its key was said to be unique, and has a row already')
})
