// Handlers over changelogs, against a plain model: what they give, applied to a table, is what they are told to make of the table.

import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProcessOperator } from '../../../../src/operators/process.ts'
import type { Change, ChangeSource, TableSchema } from '../../../../src/record/change.ts'
import { type HandlerSpec, handlers } from '../../../../src/relay/index.ts'
import { OperatorDriver } from '../../../support/operator-driver.ts'
import { SOURCE, schemaOf, told } from '../../connectors/cdc/envelopes/changes.ts'

interface Row {
  readonly id: number
  readonly region: string | null
  readonly amount: number | null
  readonly card: string | null
}

const COLUMNS = ['id', 'region', 'amount', 'card'] as const
const SCHEMA = schemaOf(['id'], ['id', 'int'], ['region', 'varchar(9)'], ['amount', 'int'], ['card', 'varchar(20)'])
/** With a column more, in another order. */
const WIDER = schemaOf(
  ['id'],
  ['card', 'varchar(20)'],
  ['note', 'text'],
  ['id', 'int'],
  ['region', 'varchar(9)'],
  ['amount', 'int'],
)

const ENV = 'MILLRACE_TEST_MASK'
process.env[ENV] = 'a secret of many bytes'
const hashed = (text: unknown): string =>
  createHmac('sha256', 'a secret of many bytes').update(String(text)).digest('hex')

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

/** What comes out, with a new function from the state of the one before at each restart. */
async function handled(
  specs: readonly HandlerSpec[],
  changes: readonly (Change<unknown> | 'restart')[],
): Promise<Change<unknown>[]> {
  const make = handlers<Change<unknown>>(specs, { of: 'changes' })
  const out: Change<unknown>[] = []
  let driver = await new OperatorDriver(new ProcessOperator('handlers', make())).open()
  for (const change of changes) {
    if (change !== 'restart') {
      await driver.push([change])
      continue
    }
    const state = await driver.operator.snapshot?.()
    out.push(...(driver.out.values() as Change<unknown>[]))
    driver = await new OperatorDriver(new ProcessOperator('handlers', make()), { restored: [state] }).open()
  }
  return [...out, ...(driver.out.values() as Change<unknown>[])]
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
    fc.asyncProperty(fc.array(op, { maxLength: 25 }), fc.constantFrom<Form>('object', 'array'), (ops, form) =>
      check(ops, form, specs, expected),
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

const at = (position: string, snapshot = true): ChangeSource => ({ ...SOURCE, position, snapshot })
const change = (part: Partial<Change<unknown>>): Change<unknown> => ({
  op: 'c',
  before: null,
  after: null,
  key: [],
  source: SOURCE,
  ...part,
})

it('an update within a table stays an update', async () => {
  const [was, is] = [
    { id: 1, region: 'eu', amount: 1 },
    { id: 1, region: 'eu', amount: 2 },
  ]
  const update = change({ op: 'u', before: was, after: is, key: [1] })
  const rules = [{ when: { column: 'region', '=': 'eu' }, to: 'dw.*' }]
  const [filtered, routed] = await handled([{ filter: { column: 'amount', '>': 0 } }, { route: { rules } }], [update])
  expect([filtered, routed]).toEqual([{ ...update, source: { ...SOURCE, database: 'dw' } }, undefined])
})

describe('what is not told of a changelog', () => {
  const eu: HandlerSpec = { filter: { column: 'region', '=': 'eu' } }

  it('a row as it was: an update stays one, or deletes by the key; a delete stays', async () => {
    const update = change({ op: 'u', after: { id: 1, region: 'eu' }, key: [1] })
    const gone = change({ op: 'u', after: { id: 1, region: 'us' }, key: [1] })
    const deleted = change({ op: 'd', key: [1] })
    expect(await handled([eu], [update, gone, deleted])).toEqual([
      update,
      change({ op: 'd', before: gone.after, key: [1] }),
      deleted,
    ])
    await expect(handled([eu], [{ ...gone, oldKey: [2] }])).rejects.toThrow(
      'handlers[0].filter: an update that changes the key',
    )
  })

  it('with several targets, each other one deletes', async () => {
    const spec: HandlerSpec = {
      route: { rules: [{ when: { column: 'region', '=': 'eu' }, to: '*.eu' }], otherwise: '*.rest' },
    }
    const update = change({ op: 'u', after: { id: 1, region: 'eu' }, key: [1] })
    const out = await handled([spec], [update])
    expect(out.map(({ op: kind, source: { table } }) => `${kind} ${table}`)).toEqual(['d rest', 'u eu'])
  })

  it('the columns: rows are read by name, lists and masks are refused', async () => {
    const row = change({ after: { id: 1, region: 'eu', __proto__: 1 }, key: [1] })
    expect(await handled([eu, { rename: { columns: { region: 'r' } } }], [row])).toEqual([
      change({ after: { id: 1, r: 'eu' }, key: [1] }),
    ])
    const list = change({ after: [1, 'eu'], key: [1] })
    const reason = `handlers[0].filter: a change came before the table's columns: give the source schemaChanges: true`
    await expect(handled([eu], [list])).rejects.toThrow(reason)
    await expect(handled([{ project: { columns: ['id'] } }], [list])).rejects.toThrow(
      'handlers[0].project: a change came before',
    )
    await expect(handled([{ mask: { region: 'null' } }], [row])).rejects.toThrow(
      'handlers[0].mask: a change came before',
    )
    const clash = handled([{ rename: { columns: { region: 'id' } } }], [row])
    await expect(clash).rejects.toThrow(
      'handlers[0].rename.columns: columns "id" and "region" would both be called "id"',
    )
  })
})

describe('columns', () => {
  it.each<[HandlerSpec, string]>([
    [
      { filter: { column: 'regoin', '=': 'eu' } },
      'handlers[0].filter: there is no column "regoin", only id, region, amount, card',
    ],
    [{ project: { columns: ['id', 'x'] } }, 'handlers[0].project: there is no column "x"'],
    [
      { project: { columns: ['region'] } },
      'handlers[0].project: column "id" is of the key, by which rows are told apart',
    ],
    [{ project: { exclude: ['id'] } }, 'handlers[0].project: column "id" is of the key'],
    [{ project: { columns: ['id', 'id'] } }, 'columns "id" and "id" would both be called "id"'],
    [{ rename: { columns: { amount: 'card' } } }, 'columns "amount" and "card" would both be called "card"'],
    [
      { mask: { id: { keepLast: 2 } } },
      'handlers[0].mask: column "id" is of the key: so masked, different rows would be one',
    ],
    [{ mask: { id: 'null' } }, 'use { hash }'],
    [{ mask: { email: 'null' } }, 'handlers[0].mask: there is no column "email"'],
  ])('%j: %s', async (spec, reason) => {
    await expect(handled([spec], [told(SCHEMA)])).rejects.toThrow(reason)
    expect(await handled([{ ...spec, only: ['shop.*', '!shop.orders'] }], [told(SCHEMA)])).toEqual([told(SCHEMA)])
    // A table that is gone is told to have none.
    const gone = told({ columns: [], key: [] })
    expect(await handled([spec], [gone])).toEqual([gone])
  })

  it('are told as they are behind the handlers', async () => {
    const schema: TableSchema = {
      columns: [
        { name: 'id', type: 'int', nullable: false, generated: false },
        {
          name: 'phone',
          type: 'bigint',
          nullable: true,
          generated: true,
          formerNames: ['tel', 'amount'],
          renamedFrom: 'tel',
        },
        { name: 'amount', type: 'int', nullable: false, generated: false, declared: 'INT NOT NULL DEFAULT 5' },
        {
          name: 'card',
          type: 'varchar(20)',
          nullable: false,
          generated: false,
          declared: "VARCHAR(20) DEFAULT '4111'",
        },
      ],
      key: ['id'],
      dropped: [
        { name: 'amount', position: 'a:1', timestampMs: 1 },
        { name: 'card', position: 'a:1', timestampMs: 1 },
      ],
      definition: 'CREATE TABLE …',
    }
    const specs: HandlerSpec[] = [
      { rename: { columns: { id: 'order', amount: 'total' } } },
      { mask: { phone: { hash: { env: ENV } }, card: 'null' } },
    ]
    expect((await handled(specs, [told(schema)]))[0]?.schema).toEqual({
      columns: [
        { name: 'order', type: 'int', nullable: false, generated: false },
        {
          name: 'phone',
          type: 'varchar(64)',
          nullable: true,
          generated: false,
          formerNames: ['tel', 'total'],
          renamedFrom: 'tel',
        },
        { name: 'total', type: 'int', nullable: false, generated: false, declared: 'INT NOT NULL DEFAULT 5' },
        { name: 'card', type: 'varchar(20)', nullable: true, generated: false },
      ],
      key: ['order'],
      dropped: [
        { name: 'total', position: 'a:1', timestampMs: 1 },
        { name: 'card', position: 'a:1', timestampMs: 1 },
      ],
    })
    const dropping = (await handled([{ project: { exclude: ['card', 'phone'] } }], [told(schema)]))[0]?.schema
    expect(dropping?.dropped).toEqual([{ name: 'amount', position: 'a:1', timestampMs: 1 }])
    expect((await handled([{ project: { exclude: ['card'] }, only: ['x.*'] }], [told(schema)]))[0]?.schema).toBe(schema)
  })

  it('keys are masked as the row is, also where they write a value in another form', async () => {
    const schema = schemaOf(['id', 'n'], ['id', 'varbinary(4)'], ['n', 'int'], ['a', 'int'])
    const [was, is] = [Uint8Array.of(1, 255), Uint8Array.of(2)]
    const update = change({ op: 'u', before: [was, 1, 0], after: [is, 1, 0], key: ['02', 1], oldKey: ['01ff', 1] })
    const unknown = change({ op: 'd', key: ['01ff', 1] })
    const [, masked, deleted] = await handled(
      [{ mask: { id: { hash: { env: ENV } } } }],
      [told(schema), update, unknown],
    )
    expect(masked).toMatchObject({
      before: [hashed('01ff'), 1, 0],
      after: [hashed('02'), 1, 0],
      key: [hashed('02'), 1],
      oldKey: [hashed('01ff'), 1],
    })
    expect(deleted?.key).toEqual([hashed('01ff'), 1])
  })

  it('of a snapshot are those of their place in it, also after a restart', async () => {
    const rowOf = (values: unknown[], position: string): Change<unknown> =>
      change({ op: 'r', after: values, key: [1], source: at(position) })
    const region: HandlerSpec = { project: { columns: ['id', 'region'] } }
    const [narrow, wide] = [
      [1, 'eu', 5, null],
      [null, 'note', 1, 'eu', 5],
    ]
    const out = await handled(
      [region],
      [
        told(SCHEMA, at('a:1')),
        told(WIDER, at('a:9')),
        rowOf(narrow, 'a:1'),
        'restart',
        rowOf(narrow, 'a:1'),
        rowOf(wide, 'a:9'),
        rowOf(wide, 'a:10'),
        told(WIDER, at('a:11', false)),
        'restart',
        rowOf(wide, 'a:1'),
      ],
    )
    expect(out.filter(({ op: kind }) => kind === 'r').map(({ after }) => after)).toEqual(
      Array.from({ length: 5 }, () => [1, 'eu']),
    )
  })

  it("are this subtask's own, or those told last to another", async () => {
    const make = handlers<Change<unknown>>([{ project: { columns: ['id', 'region'] } }], { of: 'changes' })
    const stateOf = async (schema: TableSchema, timestampMs: number): Promise<Record<string, unknown>> => {
      const driver = await new OperatorDriver(new ProcessOperator('handlers', make())).open()
      await driver.push([told(schema, { ...SOURCE, timestampMs })])
      return (await driver.operator.snapshot?.()) as Record<string, unknown>
    }
    const old = { ...(await stateOf(SCHEMA, 1)), subtask: 1 }
    const late = { ...(await stateOf(WIDER, 2)), subtask: 2 }
    const own = { ...(await stateOf(SCHEMA, 1)), subtask: 0 }
    for (const [restored, values] of [
      [
        [late, old, undefined],
        [null, 'note', 1, 'eu', 5],
      ],
      [
        [own, late],
        [1, 'eu', 5, null],
      ],
    ] as const) {
      const driver = await new OperatorDriver(new ProcessOperator('handlers', make()), { restored }).open()
      await driver.push([change({ after: values, key: [1] })])
      expect(driver.out.values()).toEqual([change({ after: [1, 'eu'], key: [1] })])
    }
  })
})
