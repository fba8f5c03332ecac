// What handlers make of columns and keys, and of what a changelog does not tell.

import { describe, expect, it } from 'vitest'
import { ProcessOperator } from '../../../../src/operators/process.ts'
import type { Change, TableSchema } from '../../../../src/record/change.ts'
import { type HandlerSpec, handlers } from '../../../../src/relay/index.ts'
import { OperatorDriver } from '../../../support/operator-driver.ts'
import { SOURCE, schemaOf, told } from '../../connectors/cdc/envelopes/changes.ts'
import { at, change, ENV, handled, hashed, SCHEMA, WIDER } from './handled-changes.ts'

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

  it('of before a restart may not fit handlers that are others since: that is said with a row of theirs', async () => {
    const before = handlers<Change<unknown>>([{ rename: { columns: { amount: 'total' } } }], { of: 'changes' })
    const old = await new OperatorDriver(new ProcessOperator('handlers', before())).open()
    await old.push([told(SCHEMA)])
    const restored = [await old.operator.snapshot?.()]
    const renamed = handlers<Change<unknown>>([{ rename: { columns: { sum: 'total' } } }], { of: 'changes' })
    const open = () => new OperatorDriver(new ProcessOperator('handlers', renamed()), { restored }).open()
    const row = change({ after: [1, 'eu', 5, null], key: [1] })
    await expect((await open()).push([row])).rejects.toThrow('handlers[0].rename.columns: there is no column "sum"')
    const driver = await open()
    const schema = schemaOf(['id'], ['id', 'int'], ['region', 'text'], ['sum', 'int'], ['card', 'text'])
    await driver.push([change({ op: 't' }), told(schema), row])
    expect(driver.out.values().at(-1)).toEqual(row)
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
