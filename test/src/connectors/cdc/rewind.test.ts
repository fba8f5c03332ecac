import { expect, it } from 'vitest'
import type { ChangePort, Offset } from '../../../../src/connectors/cdc/port.ts'
import { Rewind } from '../../../../src/connectors/cdc/rewind.ts'
import type { Change, ChangeSource, TableSchema } from '../../../../src/record/change.ts'

type Row = readonly unknown[]

const column = (name: string, formerNames?: readonly string[]) => ({
  ...{ name, type: 'int', nullable: true, generated: false },
  ...(formerNames !== undefined && { formerNames }),
})
const schemaOf = (...columns: TableSchema['columns']): TableSchema => ({ columns, key: ['id'] })
const sourceAt = (position: number): ChangeSource => ({
  ...{ connector: 'model', database: 'd', table: 't', position: String(position), timestampMs: 0, snapshot: false },
})

/** A log of updates of one table, one at each place. */
function logOf(
  changes: readonly { readonly change: Change<Row>; readonly schema: TableSchema }[],
  untold: ReturnType<NonNullable<ChangePort<Row>['columnsUntold']>> = [],
): ChangePort<Row> {
  const page = {
    changes: changes.map(({ change }) => change),
    offsets: changes.map(({ change }) => Number(change.source.position) as Offset),
    schemas: changes.map(({ schema }) => schema),
    next: changes.length as Offset,
    ended: false,
  }
  const log = { read: () => page, available: () => Promise.resolve(), close: () => {} }
  const compareOffsets = (a: Offset, b: Offset): number => Number(a) - Number(b)
  return {
    compareOffsets,
    openLog: () => log,
    tableOf: () => 't',
    columnsUntold: () => untold,
  } as unknown as ChangePort<Row>
}

const updated = (position: number, id: number, before: number, after: number): Change<Row> => ({
  ...{ op: 'u', before: [id, before], after: [id, after], key: [id], source: sourceAt(position) },
})

const read = (id: number, value: number): Change<Row> => ({
  ...{ op: 'r', before: null, after: [id, value], key: [id], source: sourceAt(3) },
})

it('tells the former names of columns that were renamed since, before rows under them', async () => {
  const [old, once, twice] = [
    schemaOf(column('id'), column('a')),
    schemaOf(column('id'), column('b', ['a'])),
    schemaOf(column('id'), column('c', ['a', 'b'])),
  ]
  const port = logOf([
    { change: updated(1, 1, 10, 11), schema: old },
    { change: updated(2, 2, 20, 21), schema: once },
    { change: updated(3, 1, 11, 12), schema: twice },
  ])
  const rewind = new Rewind(port, 't', 0 as Offset)
  await rewind.to(3 as Offset, Number.POSITIVE_INFINITY)
  const now = { schema: schemaOf(column('id'), column('c')), rows: [read(1, 12), read(2, 21), read(3, 30)] }
  const parts = await rewind.apply(
    { range: { from: null, to: null }, order: undefined },
    { ...now, source: sourceAt(3) },
  )
  expect(parts.map(({ schema, rows }) => [schema, rows.map(({ after }) => after)])).toEqual([
    [twice, [[3, 30]]],
    [old, [[1, 10]]],
    [once, [[2, 20]]],
  ])
})

it('knows of renames that no change before the rows has shown', async () => {
  const now = { schema: schemaOf(column('id'), column('c')), rows: [read(1, 12)], source: sourceAt(1) }
  const named = schemaOf(column('id'), column('c', ['a', 'b']))
  const present = async (port: ChangePort<Row>): Promise<TableSchema | undefined> => {
    const rewind = new Rewind(port, 't', 0 as Offset)
    await rewind.to(1 as Offset, Number.POSITIVE_INFINITY)
    return (await rewind.apply({ range: { from: null, to: null }, order: undefined }, now))[0]?.schema
  }
  const first = { change: updated(1, 1, 10, 11), schema: schemaOf(column('id'), column('b', ['a'])) }
  expect(await present(logOf([first], [['b', 'c']]))).toEqual(named)
  const later = { change: updated(2, 2, 20, 21), schema: schemaOf(column('id'), column('d', ['a', 'b', 'c'])) }
  expect(await present(logOf([first, later]))).toEqual(named)
  expect(await present(logOf([first]))).toEqual(now.schema)
})

it('tells which columns were dropped since, and nothing of them for those that have their names now', async () => {
  const [old, anew] = [
    schemaOf(column('id'), column('b', ['a']), column('c')),
    schemaOf(column('id'), column('b'), column('c')),
  ]
  const droppedAt = (name: string, position: string) => ({ name, position, timestampMs: 5 })
  const log = [
    { change: updated(1, 1, 10, 11), schema: old },
    { change: updated(2, 2, 20, 21), schema: { ...anew, dropped: [droppedAt('b', '2')] } },
  ]
  const rewind = new Rewind(logOf(log, [['c', '', '3', 5]]), 't', 0 as Offset)
  await rewind.to(2 as Offset, Number.POSITIVE_INFINITY)
  const now = { schema: schemaOf(column('id'), column('b')), rows: [read(3, 12)], source: sourceAt(2) }
  const [present] = await rewind.apply({ range: { from: null, to: null }, order: undefined }, now)
  expect(present?.schema).toEqual({ ...now.schema, dropped: [droppedAt('b', '2'), droppedAt('c', '3')] })
})

it('tells how columns were declared that were added since, before rows that lack them', async () => {
  const [old, added] = [schemaOf(column('id'), column('a')), schemaOf(column('id'), column('b', ['a']), column('x'))]
  const declared = (schema: TableSchema, name: string, clause: string): TableSchema => ({
    ...schema,
    columns: schema.columns.map((one) => (one.name === name ? { ...one, declared: clause } : one)),
  })
  const log = [
    { change: updated(1, 1, 10, 11), schema: old },
    { change: updated(2, 2, 20, 21), schema: declared(added, 'x', 'INT DEFAULT 7') },
  ]
  const rewind = new Rewind(
    logOf(log, [
      ['x', 'y'],
      ['', 'z', 'INT DEFAULT 8'],
    ]),
    't',
    0 as Offset,
  )
  await rewind.to(2 as Offset, Number.POSITIVE_INFINITY)
  const schema = schemaOf(column('id'), column('b'), column('y'), column('z'))
  const [present] = await rewind.apply(
    { range: { from: null, to: null }, order: undefined },
    { schema, rows: [read(1, 12)], source: sourceAt(2) },
  )
  const renamed = schemaOf(column('id'), column('b', ['a']), column('y', ['x']), column('z'))
  expect(present?.schema).toEqual(declared(declared(renamed, 'y', 'INT DEFAULT 7'), 'z', 'INT DEFAULT 8'))
})
