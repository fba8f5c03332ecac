import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Change } from '../../../../src/index.ts'
import { KeylessTables, withoutKey } from '../../../../src/relay/changes/keyless-tables.ts'
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

it('I1: after whatever restores, a table has its columns before its first change, as they were told last', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('change'), table: fc.constantFrom('a', 'b', 'c') }),
    fc.record({ kind: fc.constant('columns'), table: fc.constantFrom('a', 'b') }),
    fc.record({ kind: fc.constant('restore'), table: fc.constant('') }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const latest = new Map<string, Change<Row>>()
      let fresh = new Set<string>(['a', 'b', 'c'])
      const expected: Change<Row>[] = []
      const given: Change<Row>[] = []
      let life = live([])
      for (const [n, { kind, table }] of steps.entries()) {
        if (kind === 'restore') {
          given.push(...life.out)
          // As after a crash: the state has been through msgpack.
          life = live(structuredClone(life.end()))
          fresh = new Set(['a', 'b', 'c'])
          continue
        }
        const known = latest.get(table)
        const next = kind === 'columns' ? columns(table, n) : change(table, n)
        if (kind === 'change' && fresh.has(table) && known !== undefined) expected.push(known)
        if (kind === 'columns') latest.set(table, next)
        fresh.delete(table)
        expected.push(next)
        life.give(next)
      }
      expect([...given, ...life.out]).toEqual(expected)
    }),
  )
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
