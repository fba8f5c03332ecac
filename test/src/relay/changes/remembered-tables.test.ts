import fc from 'fast-check'
import { expect, it } from 'vitest'
import { KeylessTables, withoutKey } from '../../../../src/connectors/cdc/keyless-tables.ts'
import type { Change } from '../../../../src/index.ts'
import { RememberedTables } from '../../../../src/relay/changes/remembered-tables.ts'

type Row = number[]

const change = (table: string, value: number): Change<Row> => ({
  op: 'c',
  before: null,
  after: [value],
  key: [value],
  source: { connector: 'x', database: 'shop', table, position: '', timestampMs: 0, snapshot: false },
})

/** The columns of a table, of which there have been `version` forms. */
const columns = (table: string, version: number, key: readonly string[] = ['id']): Change<Row> => ({
  ...change(table, 0),
  op: 's',
  after: null,
  key: [],
  schema: { columns: [{ name: `id${version}`, type: '', nullable: false, generated: false }], key },
})

/** One life of the function, as the machine drives it. */
function live(states: readonly unknown[]) {
  const tables = new RememberedTables<Row>()
  tables.restoreState(states)
  const out: Change<Row>[] = []
  const collector = { emit: (value: Change<Row>) => void out.push(value), emitAt: () => {}, side: () => {} }
  return {
    out,
    give: (value: Change<Row>) => tables.process(value, {} as never, collector),
    end: () => [tables.snapshotState()],
  }
}

/** Columns as a snapshot tells them at one of its places. */
const columnsAt = (table: string, version: number, position: string): Change<Row> => {
  const told = columns(table, version)
  return { ...told, source: { ...told.source, position, snapshot: true } }
}

it('I1, I2: after whatever restores, a table has its columns before its first change, of each place of a snapshot', () => {
  const step = fc.record({
    kind: fc.constantFrom('change', 'columns', 'place', 'restore'),
    table: fc.constantFrom('a', 'b'),
    version: fc.nat(2),
    position: fc.constantFrom('p1', 'p2', 'p3'),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      /** What was told of a table since the log last told of it, that included. */
      const told = new Map<string, Change<Row>[]>()
      let fresh = new Set(['a', 'b'])
      const expected: Change<Row>[] = []
      const given: Change<Row>[] = []
      let life = live([])
      for (const { kind, table, version, position } of steps) {
        if (kind === 'restore') {
          given.push(...life.out)
          // As after a crash: the state has been through msgpack.
          life = live(structuredClone(life.end()))
          fresh = new Set(['a', 'b'])
          continue
        }
        const known = told.get(table) ?? []
        if (fresh.delete(table)) expected.push(...known)
        if (kind === 'change') {
          life.give(change(table, version))
          expected.push(change(table, version))
          continue
        }
        const next = kind === 'columns' ? columns(table, version) : columnsAt(table, version, position)
        const others = known.filter(({ source }) => source.snapshot && source.position !== position)
        told.set(table, kind === 'columns' ? [next] : [...others, next])
        life.give(next)
        expected.push(next)
      }
      expect([...given, ...life.out]).toEqual(expected)
    }),
  )
})

it('many places of one form take the room of one', () => {
  const life = live([])
  for (let i = 0; i < 1000; i++) life.give(columnsAt('a', 1, `p${i}`))
  const [state] = life.end()
  expect(state).toMatchObject([{ schemas: [{ key: ['id'] }] }])
  expect((state?.[0]?.told ?? []).length).toBe(256)
})

it('tables without a key go another way, for good, after a restore too', () => {
  const split = (states: readonly unknown[], changes: readonly Change<Row>[]) => {
    const tables = new KeylessTables<Row>()
    tables.restoreState(states)
    const [main, side]: [Change<Row>[], Change<Row>[]] = [[], []]
    const collector = {
      emit: (value: Change<Row>) => void main.push(value),
      emitAt: () => {},
      side: (tag: unknown, value: unknown) => {
        expect(tag).toBe(withoutKey)
        side.push(value as Change<Row>)
      },
    }
    for (const each of changes) tables.process(each, {} as never, collector)
    return { main, side, state: [tables.snapshotState()] }
  }
  const keyed = [columns('keyed', 1), change('keyed', 1)]
  const keyless = [columns('keyless', 1, []), change('keyless', 2)]
  const first = split([], [...keyed, ...keyless])
  expect(first).toMatchObject({ main: keyed, side: keyless })
  const later = [columns('keyless', 2), change('keyless', 3)]
  expect(split(first.state, [...keyed, ...later])).toMatchObject({ main: keyed, side: later })
})

it('what is no change is refused by what to do, and never told', () => {
  for (const value of [{ id: 1, card: 'hunter2' }, 'hunter2', null, 7]) {
    const { give } = live([])
    give(columns('a', 1))
    expect(() => give(value as never)).toThrow(
      expect.objectContaining({
        code: 'RECORD_MALFORMED',
        message: expect.stringMatching(/^records of the relay:2: is no change of a table: (?!.*hunter2).*--fresh$/),
      }),
    )
  }
})
