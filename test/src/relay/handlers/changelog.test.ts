// Handlers over changelogs, against a plain model: what they give, applied to a table, is what they are told to make of the table.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Change, TableSchema } from '../../../../src/record/change.ts'
import type { HandlerSpec } from '../../../../src/relay/index.ts'
import { SOURCE, told } from '../../connectors/cdc/envelopes/changes.ts'
import { ENV, handled, hashed, SCHEMA, WIDER } from './handled-changes.ts'

interface Row {
  readonly id: number
  readonly region: string | null
  readonly amount: number | null
  readonly card: string | null
}

const COLUMNS = ['id', 'region', 'amount', 'card'] as const
type Op =
  | { readonly kind: 'put'; readonly row: Row }
  | { readonly kind: 'move'; readonly from: number; readonly row: Row }
  | { readonly kind: 'delete'; readonly id: number }
  | { readonly kind: 'truncate' }
  | { readonly kind: 'widen' }
  | { readonly kind: 'restart' }

const id = fc.integer({ min: 0, max: 5 })
const row: fc.Arbitrary<Row> = fc.record({
  id,
  region: fc.constantFrom('eu', 'us', 'asia', null),
  amount: fc.option(fc.integer({ min: -2, max: 3 })),
  card: fc.constantFrom('4111222233334444', '12', null),
})
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 10, arbitrary: row.map((one): Op => ({ kind: 'put', row: one })) },
  { weight: 3, arbitrary: fc.tuple(id, row).map(([from, one]): Op => ({ kind: 'move', from, row: one })) },
  { weight: 3, arbitrary: id.map((one): Op => ({ kind: 'delete', id: one })) },
  { weight: 1, arbitrary: fc.constantFrom<Op>({ kind: 'truncate' }, { kind: 'widen' }, { kind: 'restart' }) },
)

type Form = 'object' | 'array'

/** The changes of a table under these operations, and at the end its rows; `restart` stands for a restart of who takes them. */
function history(ops: readonly Op[], form: Form): { changes: (Change<unknown> | 'restart')[]; rows: Row[] } {
  const rows = new Map<number, Row>()
  let columns: readonly string[] = COLUMNS
  const shaped = (one: Row | undefined): unknown => {
    if (one === undefined) return null
    const whole: Record<string, unknown> = { ...one, note: `note ${one.id}` }
    return form === 'array'
      ? columns.map((name) => whole[name])
      : Object.fromEntries(columns.map((name) => [name, whole[name]]))
  }
  const change = (kind: 'c' | 'u' | 'd', before: Row | undefined, after: Row | undefined): Change<unknown> => {
    const key = [(after ?? before)?.id]
    const moved = before !== undefined && after !== undefined && before.id !== after.id
    return {
      op: kind,
      before: shaped(before),
      after: shaped(after),
      key,
      ...(moved && { oldKey: [before.id] }),
      source: SOURCE,
    }
  }
  const changes: (Change<unknown> | 'restart')[] = [told(SCHEMA)]
  for (const one of ops) {
    if (one.kind === 'restart') changes.push('restart')
    else if (one.kind === 'truncate') {
      rows.clear()
      changes.push({ op: 't', before: null, after: null, key: [], source: SOURCE })
    } else if (one.kind === 'widen') {
      columns = WIDER.columns.map(({ name }) => name)
      changes.push(told(WIDER))
    } else if (one.kind === 'delete') {
      const before = rows.get(one.id)
      if (before !== undefined) changes.push(change('d', before, undefined))
      rows.delete(one.id)
    } else {
      const from = one.kind === 'move' ? one.from : one.row.id
      const before = rows.get(from)
      if (one.kind === 'move' && (before === undefined || (rows.has(one.row.id) && one.row.id !== from))) continue
      changes.push(change(before === undefined ? 'c' : 'u', before, one.row))
      rows.delete(from)
      rows.set(one.row.id, one.row)
    }
  }
  return { changes, rows: [...rows.values()] }
}

/** Tables that take changes strictly: no row is created twice, none is changed or deleted that is not there as told. */
class Tables {
  readonly #rows = new Map<string, Map<string, Record<string, unknown>>>()
  readonly #schemas = new Map<string, TableSchema>()

  apply(change: Change<unknown>): void {
    const { op, key, oldKey, source, schema } = change
    const table = `${source.database}.${source.table}`
    const rows = this.#rows.get(table) ?? new Map<string, Record<string, unknown>>()
    this.#rows.set(table, rows)
    if (op === 's') this.#schemas.set(table, schema as TableSchema)
    else if (op === 't') rows.clear()
    else {
      const [before, after] = [this.#named(table, change.before), this.#named(table, change.after)]
      const was = JSON.stringify(oldKey ?? key)
      const say = JSON.stringify(change)
      if (op === 'c') expect(rows.has(was), say).toBe(false)
      else expect({ note: undefined, ...rows.get(was) }, say).toEqual({ note: undefined, ...before })
      if (after !== undefined)
        expect(key, say).toEqual((this.#schemas.get(table) as TableSchema).key.map((name) => after[name]))
      rows.delete(was)
      if (after !== undefined) rows.set(JSON.stringify(key), after)
    }
  }

  rows(table: string): unknown[] {
    return [...(this.#rows.get(table)?.values() ?? [])]
  }

  /** A column that came later is not compared: rows from before do not have it. */
  #named(table: string, given: unknown): Record<string, unknown> | undefined {
    if (given === null) return undefined
    const names = (this.#schemas.get(table) as TableSchema).columns.map(({ name }) => name)
    if (Array.isArray(given)) expect(given).toHaveLength(names.length)
    else expect(Object.keys(given as object)).toEqual(names)
    const whole = Array.isArray(given)
      ? Object.fromEntries(names.map((name, i) => [name, given[i] as unknown]))
      : { ...(given as object) }
    return { ...whole, note: undefined }
  }
}

const byKey = (rows: readonly unknown[]): string[] =>
  rows
    .map((one) =>
      JSON.stringify(
        Object.entries(one as object)
          .filter(([, value]) => value !== undefined)
          .sort(),
      ),
    )
    .sort()

async function check(
  ops: readonly Op[],
  form: Form,
  specs: readonly HandlerSpec[],
  expected: Readonly<Record<string, (row: Row) => object | undefined>>,
): Promise<void> {
  const { changes, rows } = history(ops, form)
  const tables = new Tables()
  for (const change of await handled(specs, changes)) tables.apply(change)
  for (const [table, expectedOf] of Object.entries(expected))
    expect(byKey(tables.rows(table))).toEqual(byKey(rows.map(expectedOf).filter((one) => one !== undefined)))
}

const runs = (
  specs: readonly HandlerSpec[],
  expected: Readonly<Record<string, (row: Row) => object | undefined>>,
): Promise<void> =>
  fc.assert(
    fc.asyncProperty(
      fc.array(op, { maxLength: 40, size: 'max' }),
      fc.constantFrom<Form>('object', 'array'),
      (ops, form) => check(ops, form, specs, expected),
    ),
    { numRuns: 150 },
  )

/** SQL's logic, written out for each condition. */
const CONDITIONS: readonly (readonly [
  name: string,
  spec: HandlerSpec & { filter: unknown },
  holds: (row: Row) => boolean,
])[] = [
  ['=', { filter: { column: 'region', '=': 'eu' } }, ({ region }) => region === 'eu'],
  ['!=', { filter: { column: 'region', '!=': 'eu' } }, ({ region }) => region !== null && region !== 'eu'],
  [
    '<= and >',
    { filter: { column: 'amount', '<=': 2, '>': '-1' } },
    ({ amount }) => amount !== null && amount <= 2 && amount > -1,
  ],
  ['not <', { filter: { not: { column: 'amount', '<': 1 } } }, ({ amount }) => amount !== null && amount >= 1],
  ['>=', { filter: { column: 'amount', '>=': { decimal: '0.5' } } }, ({ amount }) => amount !== null && amount >= 1],
  ['in', { filter: { column: 'region', in: ['eu', 'asia', 7] } }, ({ region }) => region === 'eu' || region === 'asia'],
  ['not in', { filter: { not: { column: 'region', in: ['eu', 'asia'] } } }, ({ region }) => region === 'us'],
  ['like', { filter: { column: 'region', like: '_s%' } }, ({ region }) => region === 'us' || region === 'asia'],
  ['null', { filter: { column: 'amount', null: true } }, ({ amount }) => amount === null],
  ['not null', { filter: { column: 'amount', null: false } }, ({ amount }) => amount !== null],
  [
    'any and all',
    {
      filter: {
        any: [
          { column: 'amount', '>': 0 },
          {
            all: [
              { column: 'region', '=': 'us' },
              { column: 'amount', null: true },
            ],
          },
        ],
      },
    },
    ({ amount, region }) => (amount !== null && amount > 0) || (region === 'us' && amount === null),
  ],
  [
    'a text is no number',
    { filter: { not: { column: 'card', '=': 12 } } },
    ({ card }) => card !== null && card !== '12',
  ],
]

describe('a changelog through handlers, applied to a table', () => {
  it.each(CONDITIONS)('filter %s: the filtered table', async (_name, spec, holds) => {
    await runs([spec as HandlerSpec], { 'shop.orders': (one) => (holds(one) ? one : undefined) })
  })

  it('route: each table has the rows whose form of now goes there', async () => {
    const rules = [
      { when: { column: 'region', '=': 'eu' }, to: 'dw.*_eu' },
      { when: { column: 'amount', '>': 0 }, to: 'dw.rich' },
    ]
    const rich = ({ region, amount }: Row): boolean => region !== 'eu' && amount !== null && amount > 0
    await runs([{ route: { rules, otherwise: null } }], {
      'dw.orders_eu': (one) => (one.region === 'eu' ? one : undefined),
      'dw.rich': (one) => (rich(one) ? one : undefined),
      'shop.orders': () => undefined,
    })
    await runs([{ route: { rules } }], {
      'dw.rich': (one) => (rich(one) ? one : undefined),
      'shop.orders': (one) => (one.region !== 'eu' && !rich(one) ? one : undefined),
    })
  })

  it('all of them, one behind the other', async () => {
    const specs: readonly HandlerSpec[] = [
      { filter: { column: 'amount', '>=': 0 } },
      { rename: { columns: { id: 'order', card: 'pan' }, tables: { 'shop.*': 'dw.copy_*' } } },
      { only: ['shop.*'], filter: { column: 'order', '=': 0 } },
      { only: ['dw.*'], mask: { order: { hash: { env: ENV } }, pan: { keepLast: 4 }, amount: { constant: 7 } } },
      { project: { columns: ['pan', 'order', 'region'] } },
      { route: { rules: [{ when: { column: 'region', null: true }, to: '*.nowhere' }] } },
    ]
    const masked = ({ id: order, card, region, amount }: Row): object | undefined => {
      if (amount === null || amount < 0) return undefined
      return {
        order: hashed(order),
        pan: card === null ? null : card.slice(0, -4).replaceAll(/./g, '*') + card.slice(-4),
        region,
      }
    }
    await runs(specs, {
      'dw.copy_orders': (one) => (one.region === null ? undefined : masked(one)),
      'dw.nowhere': (one) => (one.region === null ? masked(one) : undefined),
    })
  })
})
