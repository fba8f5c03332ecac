// What is wrong in specs is named by its path.

import { describe, expect, it } from 'vitest'
import {
  type HandledAs,
  type HandlerSpec,
  handlers,
  mask,
  route,
  streamOf,
  where,
} from '../../../../src/relay/index.ts'

const WRONG: readonly (readonly [of: HandledAs, spec: unknown, path: string, reason: string])[] = [
  ['rows', {}, 'handlers[1]', 'expected exactly one of filter, project, rename, mask, route'],
  ['rows', { filter: { column: 'a', null: true }, project: { columns: ['a'] } }, 'handlers[1]', 'exactly one'],
  ['rows', { filtre: {} }, 'handlers[1].filtre', 'did you mean filter?'],
  ['rows', { filter: {} }, 'handlers[1].filter', 'exactly one of column, field, header, all, any and not'],
  ['rows', { filter: { column: 7, '=': 1 } }, 'handlers[1].filter.column', 'expected string'],
  ['rows', { filter: { column: '', '=': 1 } }, 'handlers[1].filter.column', 'expected a name'],
  ['rows', { filter: { column: 'a' } }, 'handlers[1].filter', 'expected a comparison'],
  ['rows', { filter: { column: 'a', '=': null } }, 'handlers[1].filter.=', 'null: true'],
  ['rows', { filter: { column: 'a', '>': { decimal: '1e5' } } }, 'handlers[1].filter.>', 'decimal'],
  ['rows', { filter: { column: 'a', in: [] } }, 'handlers[1].filter.in', 'Too small'],
  ['rows', { filter: { column: 'a', in: [1, [2]] } }, 'handlers[1].filter.in[1]', 'expected a text'],
  ['rows', { filter: { column: 'a', like: 'x\\' } }, 'handlers[1].filter.like', 'escapes nothing'],
  ['rows', { filter: { column: 'a', like: 'x', escape: 'ab' } }, 'handlers[1].filter.escape', 'one character'],
  ['rows', { filter: { column: 'a', '=': 1, escape: '!' } }, 'handlers[1].filter.escape', 'is for like'],
  [
    'rows',
    { filter: { all: [{ column: 'a', '=': 1 }, { not: { column: 'b' } }] } },
    'handlers[1].filter.all[1].not',
    'comparison',
  ],
  ['rows', { filter: { all: [{ column: 'a', '=': 1 }], '=': 1 } }, 'handlers[1].filter.=', 'needs a column'],
  ['rows', { filter: { field: 'topic', '=': 'a' } }, 'handlers[1].filter.field', 'they have columns only'],
  [
    'changes',
    { filter: { any: [{ field: 'topic', '=': 'a' }] } },
    'handlers[1].filter.any[0].field',
    'database, table, op',
  ],
  ['changes', { filter: { header: 'h', '=': 'a' } }, 'handlers[1].filter.header', 'only records of Kafka'],
  ['records', { filter: { column: 'a', '=': 'a' } }, 'handlers[1].filter.column', 'json-records'],
  ['rows', { only: ['a'], filter: { column: 'a', '=': 1 } }, 'handlers[1].only', 'no table'],
  ['rows', { project: {} }, 'handlers[1].project', 'columns or exclude'],
  ['rows', { project: { columns: ['a'], exclude: ['b'] } }, 'handlers[1].project', 'columns or exclude'],
  ['records', { project: { columns: ['a'] } }, 'handlers[1].project', 'not read'],
  ['rows', { rename: {} }, 'handlers[1].rename', 'columns, tables or topics'],
  ['rows', { rename: { columns: {} } }, 'handlers[1].rename.columns', 'at least one name'],
  ['rows', { rename: { columns: { a: '' } } }, 'handlers[1].rename.columns.a', 'expected a name'],
  ['rows', { rename: { tables: { 'a.*': 'b.*' } } }, 'handlers[1].rename.tables', 'only changes'],
  ['changes', { rename: { tables: { 'a.*': 'b' } } }, 'handlers[1].rename.tables.a.*', 'database.table'],
  ['changes', { rename: { topics: { a: 'b' } } }, 'handlers[1].rename.topics', 'only records of Kafka'],
  ['records', { rename: { columns: { a: 'b' } } }, 'handlers[1].rename.columns', 'not read'],
  ['rows', { mask: { a: 'none' } }, 'handlers[1].mask.a', 'expected "null"'],
  ['rows', { mask: { a: { hash: 'secret' } } }, 'handlers[1].mask.a', 'hash: { env: "NAME" }'],
  ['records', { mask: { a: 'null' } }, 'handlers[1].mask', 'not read'],
  ['rows', { route: { rules: [{ when: { column: 'a', '=': 1 }, to: 'b' }] } }, 'handlers[1].route', 'streamOf'],
  ['changes', { route: { rules: [] } }, 'handlers[1].route.rules', 'Too small'],
  [
    'changes',
    { route: { rules: [{ when: { column: 'a', '=': 1 }, to: 'b' }] } },
    'handlers[1].route.rules[0].to',
    'database.table',
  ],
  [
    'changes',
    { route: { rules: [{ when: { field: 'key', '=': 1 }, to: 'a.b' }] } },
    'handlers[1].route.rules[0].when.field',
    'no field "key"',
  ],
  [
    'changes',
    { route: { rules: [{ when: { column: 'a', '=': 1 }, to: '*' }], otherwise: 'b' } },
    'handlers[1].route.otherwise',
    'database.table',
  ],
]

describe('specs that are wrong', () => {
  it.each(WRONG)('%s %j: %s', (of, spec, path, reason) => {
    const fine: HandlerSpec =
      of === 'records' ? { filter: { field: 'topic', '=': 'a' } } : { filter: { column: 'a', '=': 1 } }
    const start = `Option ${path} of handlers: `
    expect(() => handlers([fine, spec as HandlerSpec], { of })).toThrow(start)
    expect(() => handlers([fine, spec as HandlerSpec], { of })).toThrow(reason)
  })

  it('no list, and no such records', () => {
    expect(() => handlers({} as never, { of: 'rows' })).toThrow('Option handlers of handlers')
    expect(() => handlers([], { of: 'tables' as never })).toThrow(
      'Option of of handlers: expected one of rows, changes',
    )
  })

  it('of a single handler, without the place in a list', () => {
    expect(() => where({ column: 'a' }, { of: 'rows' })).toThrow('Option filter of where: expected a comparison')
    expect(() => mask({ a: 'x' as never }, { of: 'rows' })).toThrow('Option mask.a of mask')
    expect(() => route({ rules: [] }, { of: 'changes', only: ['a'] })).toThrow('Option route.rules of route')
  })

  it('of rules for streams', () => {
    const rules = [{ when: { column: 'a', '=': 1 }, to: 'b' }]
    expect(() => streamOf({ rules, otherwise: 'main' }, { of: 'changes' })).toThrow('Option rules[0].when of streamOf')
    expect(() => streamOf({ rules, otherwise: 'main' }, { of: 'json-records' })).toThrow('Option of of streamOf')
    expect(() => streamOf({ rules: [{ when: { column: 'a' }, to: 'b' }], otherwise: 'm' }, { of: 'rows' })).toThrow(
      'Option rules[0].when of streamOf: expected a comparison',
    )
  })
})

describe('specs whose names are those of every object', () => {
  it('columns called __proto__ and constructor', () => {
    const specs = JSON.parse(
      '[{"rename":{"columns":{"__proto__":"a"}}},{"mask":{"__proto__":"null","constructor":{"keepLast":1}}}]',
    ) as HandlerSpec[]
    expect(() => handlers(specs, { of: 'rows' })).not.toThrow()
  })
})
