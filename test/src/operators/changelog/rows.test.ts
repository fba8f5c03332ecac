// Functions over the rows of changes, what change sources tell, and the keys of rows.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { runJobHere } from '../../../../runtime/testing/index.ts'
import { collect } from '../../../../src/connectors/collect/index.ts'
import { type Change, type ChangelogStream, Decimal, fromArray, job } from '../../../../src/index.ts'
import { encodeRowKey, hasNull, type RowKey } from '../../../../src/operators/changelog/row-key.ts'
import type { RowChange } from '../../../../src/record/row-change.ts'
import { canonicalText } from '../../../../src/util/canonical-text.ts'
import { sameValue } from '../../../../src/util/same-value.ts'
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

interface Row {
  readonly id: number
  readonly v: number
}

const row: fc.Arbitrary<Row> = fc.record({ id: fc.nat(3), v: fc.nat(9) })

const FUNCTIONS: readonly {
  readonly name: string
  readonly table: (rows: ChangelogStream<Row>) => ChangelogStream<unknown>
  readonly model: (rows: readonly Row[]) => readonly unknown[]
}[] = [
  {
    name: 'map',
    table: (rows) => rows.map('table', ({ v }) => ({ half: v >> 1 })),
    model: (rows) => rows.map(({ v }) => ({ half: v >> 1 })),
  },
  {
    name: 'filter',
    table: (rows) => rows.filter('table', ({ v }) => v > 4),
    model: (rows) => rows.filter(({ v }) => v > 4),
  },
  {
    name: 'flatMap',
    table: (rows) => rows.flatMap('table', ({ id, v }) => Array.from({ length: id }, () => v)),
    model: (rows) => rows.flatMap(({ id, v }) => Array.from({ length: id }, () => v)),
  },
]

describe.each(FUNCTIONS)('$name', ({ table, model }) => {
  test.each(['append', 'retract'] as const)('of a table of mode %s is as its model says', async (mode: Mode) => {
    const subject = job('rows', (flow) => {
      table(emptyTable<Row>(flow, 'rows', mode))
        .changes('changes')
        .to('out', collect<unknown>([]))
    })
    const property = async (changes: readonly RowChange<Row>[]): Promise<void> => {
      await playAllWays({
        job: subject,
        node: 'table',
        inputs: recordsOf(changes, mode).map((record) => ({ input: 0, record })),
        end: (emitted, way) => {
          expect(bagOf(emitted).content, way).toEqual(new Bag(model(liveRows(changes))).content)
          if (mode === 'append') expect(emitted.some(isRowChange)).toBe(false)
        },
      })
    }
    await fc.assert(fc.asyncProperty(changesOf(row, mode), property), PLAYS)
  })
})

describe('kinds', () => {
  const small = job('kinds', (flow) => {
    emptyTable<number>(flow, 'rows', 'retract')
      .filter('small', (n) => n < 5)
      .changes('changes')
      .to('out', collect<unknown>([]))
  })
  const changes = (...all: readonly string[]): RowChange<number>[] =>
    all.map((text) => ({ kind: text.slice(0, 2) as RowChange<number>['kind'], row: Number(text.slice(2)) }))

  test.each([
    ['an update of which both forms pass stays one', changes('-U1', '+U2'), changes('-U1', '+U2')],
    ['of which only the old one passes, it takes away', changes('-U1', '+U7'), changes('-D1')],
    ['of which only the new one passes, it adds', changes('-U7', '+U1'), changes('+I1')],
    ['of which none passes, it is nothing', changes('-U7', '+U8'), []],
    ['a removal that lost its other half takes away', changes('-U1', '-U2', '+I3'), changes('-D1', '-D2', '+I3')],
    ['an addition that lost its other half adds', changes('+U1', '-D2', '+U3'), changes('+I1', '-D2', '+I3')],
    ['the last removal comes out when the input ends', changes('-U1'), changes('-D1')],
  ])('%s', async (_name, input, expected) => {
    await playAllWays({
      job: small,
      node: 'small',
      inputs: input.map((record) => ({ input: 0, record })),
      // Between the halves of an update there may be a checkpoint, which it does not wait for.
      end: (emitted, way) => {
        if (way !== 'restored') expect(emitted).toEqual(expected)
      },
    })
  })

  test('a flatMap of an update takes away and adds', async () => {
    const twice = job('twice', (flow) => {
      const rows = emptyTable<number>(flow, 'rows', 'retract').flatMap('twice', (n) => [n, n])
      rows.changes('changes').to('out', collect<unknown>([]))
    })
    await playAllWays({
      job: twice,
      node: 'twice',
      inputs: changes('-U1', '+U2').map((record) => ({ input: 0, record })),
      end: (emitted) => expect(emitted).toEqual(changes('-D1', '-D1', '+I2', '+I2')),
    })
  })
})

describe('what a change source tells', () => {
  const cdc = job('cdc', (flow) => {
    flow
      .from('source', fromArray<Change<Row>>([]))
      .cdcToChangelog('table')
      .changes('changes')
      .to('out', collect<unknown>([]))
  })
  const source = { connector: 'x', database: '', table: 'rows', position: '', timestampMs: 0, snapshot: false }
  const change = (op: Change['op'], before: Row | null, after: Row | null): Change<Row> => ({
    op,
    before,
    after,
    key: [],
    source,
  })
  const one = { id: 1, v: 1 }
  const two = { id: 1, v: 2 }

  test('is a changelog; changes of columns are passed over', async () => {
    await playAllWays({
      job: cdc,
      node: 'table',
      inputs: [
        change('s', null, null),
        change('r', null, one),
        change('u', one, two),
        change('d', two, null),
        change('c', null, one),
      ].map((record) => ({ input: 0, record })),
      end: (emitted) =>
        expect(emitted).toEqual([
          { kind: '+I', row: one },
          { kind: '-U', row: one },
          { kind: '+U', row: two },
          { kind: '-D', row: two },
          { kind: '+I', row: one },
        ]),
    })
  })

  test.each([
    ['truncated', change('t', null, null)],
    ['what the row was before', change('u', null, one)],
    ['what the row was before', change('d', null, null)],
    ['what the row is now', change('c', null, null)],
  ])('is refused where it does not say enough: %s', async (reason, record) => {
    const played = playAllWays({ job: cdc, node: 'table', inputs: [{ input: 0, record }], end: () => {} })
    const error = await played.catch((thrown: unknown) => thrown)
    expect(String(error)).toContain('Node "table" cannot follow its changelog')
    expect(String(error)).toContain(reason)
  })
})

test.each([
  [
    'top',
    (rows: ChangelogStream<Row>) => rows.topN('table', { key: ({ id }) => id, n: 2, orderBy: (a, b) => a.v - b.v }),
  ],
  ['distinct', (rows: ChangelogStream<Row>) => rows.distinct('table')],
  ['upserts', (rows: ChangelogStream<Row>) => rows.toUpserts('table', ({ id }) => [id])],
])('%s: a row that is taken away but is not there fails the job', async (_name, table) => {
  const subject = job('broken', (flow) => {
    const result = table(emptyTable<Row>(flow, 'rows', 'retract'))
    const stream = 'changes' in result ? result.changes('changes') : result
    stream.to('out', collect<unknown>([]))
  })
  const record = { kind: '-D', row: { id: 1, v: 1 } }
  const played = playAllWays({ job: subject, node: 'table', inputs: [{ input: 0, record }], end: () => {} })
  expect(String(await played.catch((thrown: unknown) => thrown))).toContain('is taken away, but is not there')
})

const scalar: fc.Arbitrary<RowKey> = fc.oneof(
  fc.constantFrom<RowKey>(
    null,
    undefined,
    '',
    '\u00010',
    '\u0001[',
    '\u0001s',
    0,
    -0,
    0.5,
    2 ** 26 + 1.5,
    -1,
    true,
    1n,
    new Decimal(1),
    new Decimal('1.0'),
  ),
  fc.string(),
  fc.integer(),
  fc.nat(3),
  fc.double({ noNaN: true }),
  fc.date({ noInvalidDate: true }),
)
const rowKey: fc.Arbitrary<RowKey> = fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }), fc.tuple(fc.nat(), fc.nat()))
const asData = (key: RowKey): unknown => (Array.isArray(key) ? key.map((part) => part ?? null) : (key ?? null))

describe('keys of rows', () => {
  test('are one for equal values, and different for different ones', () => {
    fc.assert(
      fc.property(rowKey, rowKey, (a, b) => {
        // Within an array undefined is a value of its own.
        fc.pre(![a, b].flat().includes(undefined) || !Array.isArray(a) || !Array.isArray(b))
        expect(encodeRowKey(a) === encodeRowKey(b)).toBe(sameValue(asData(a), asData(b)))
      }),
      { numRuns: 5000 },
    )
  })

  test.each([Number.NaN, {} as RowKey, (() => {}) as unknown as RowKey])('%s is none', async (key) => {
    const subject = job('no-key', (flow) => {
      const rows = flow.from('rows', fromArray<Row>([{ id: 1, v: 1 }])).toChangelog()
      rows
        .deduplicate('one', () => key, { keep: 'first' })
        .changes('changes')
        .to('out', collect<unknown>([]))
    })
    const { state, failure } = await runJobHere(subject)
    expect(state).toBe('failed')
    expect(failure).toMatchObject({ code: 'CHANGELOG_BROKEN' })
    expect(failure?.message).toMatch(/Node "one\.key" .* cannot be its key/)
  })

  test('with a null in it a compound key finds no partner', () => {
    expect([null, undefined, [1, null], [1, [undefined]]].map(hasNull)).toEqual([true, true, true, true])
    expect([0, '', false, [], [0]].map((key) => hasNull(key as RowKey))).toEqual([false, false, false, false, false])
  })
})

describe('canonical text', () => {
  const leaf = fc.oneof(
    fc.constantFrom<unknown>(null, undefined, 0, -0, Number.NaN, '', new Decimal('1.10'), new Decimal('1.1'), /a/, 1n),
    fc.string(),
    fc.double(),
    fc.bigInt(),
    fc.boolean(),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array({ maxLength: 3 }),
  )
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.string({ maxLength: 2 }), tie('value'), { maxKeys: 3 }),
      fc
        .array(fc.tuple(fc.string({ maxLength: 1 }), tie('value')), { maxLength: 2 })
        .map((entries) => new Map(entries)),
      fc.array(leaf, { maxLength: 2 }).map((items) => new Set(items)),
    ),
  }))

  test('is one for the same value, and different for different ones', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(canonicalText(a) === canonicalText(b)).toBe(sameValue(a, b))
        expect(canonicalText(structuredCloneOf(a))).toBe(canonicalText(a))
      }),
      { numRuns: 3000 },
    )
  })

  test('of fields in another order is the same', () => {
    expect(canonicalText({ a: 1, b: [-0] })).toBe(canonicalText({ b: [0], a: 1 }))
  })
})

/** Another object with the same in it; Decimals have no clone. */
function structuredCloneOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(structuredCloneOf)
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, item]) => [name, structuredCloneOf(item)]),
  )
}

describe('what is no table of changes is refused where it is written', () => {
  const building = (build: (rows: ChangelogStream<Row>, changes: ChangelogStream<Row>) => unknown): (() => unknown) => {
    const subject = job('refused', (flow) => {
      build(emptyTable<Row>(flow, 'rows', 'append'), emptyTable<Row>(flow, 'changes', 'retract'))
    })
    return () => subject.build({ settings: {}, dataDir: '', mode: 'stream' })
  }

  test.each([0, -1, 1.5, Number.NaN])('a top %s', (n) => {
    const top = building((rows) => rows.topN('top', { key: () => null, n, orderBy: () => 0 }))
    expect(top).toThrow(expect.objectContaining({ code: 'GRAPH_BAD_FUNCTION' }))
  })

  test('a join with a stream', () => {
    const keys = { leftKey: () => 1, rightKey: () => 1, row: () => 1 }
    const joined = building((rows) => rows.join('join', rows.changes('plain') as unknown as ChangelogStream<Row>, keys))
    expect(joined).toThrow('an input that is no changelog')
  })

  test('an aggregate that cannot take rows back, of a table that shrinks', () => {
    const only = { create: () => 0, add: (_row: Row, n: number) => n + 1, result: (n: number) => n, merge: () => 0 }
    const aggregated = (rows: ChangelogStream<Row>): unknown =>
      rows.groupBy('by-id', ({ id }) => id).aggregate('count', only, (id, n) => ({ id, n }))
    expect(building((_, changes) => aggregated(changes))).toThrow('retract')
    expect(building(aggregated)).toThrow(expect.objectContaining({ code: 'GRAPH_NO_SINK' }))
  })
})
