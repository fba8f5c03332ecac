// Which steps a record of op `s` asks for, without a database.

import { describe, expect, it } from 'vitest'
import { TYPE_RULES } from '../../../../src/connectors/mysql/sink/type-rules.ts'
import {
  asideName,
  decideEvolution,
  type EvolutionInput,
  type EvolvingColumn,
} from '../../../../src/connectors/sql/schema-evolution.ts'
import type { ColumnSchema } from '../../../../src/record/change.ts'

const there = (name: string, type = 'int', more: Partial<EvolvingColumn> = {}): EvolvingColumn => ({
  name,
  type,
  nullable: false,
  generated: false,
  optional: false,
  ...more,
})
const told = (name: string, type = 'int', more: Partial<ColumnSchema> = {}): ColumnSchema => ({
  name,
  type,
  nullable: false,
  generated: false,
  ...more,
})

function steps(target: EvolvingColumn[], columns: ColumnSchema[], more: Partial<EvolutionInput> = {}): string[] {
  const decided = decideEvolution({
    schema: { columns, key: ['id'] },
    target,
    behavior: 'evolve',
    older: false,
    renamed: new Map(),
    types: TYPE_RULES,
    ...more,
  })
  return decided.map((step) =>
    step.kind === 'rename'
      ? `rename ${step.from} ${step.to}`
      : `${step.kind} ${'column' in step ? step.column.name : step.name}`,
  )
}

describe('evolution', () => {
  it('adds, renames, changes and drops', () => {
    const target = [there('id'), there('a'), there('b'), there('gone')]
    const columns = [told('id'), told('a', 'bigint'), told('c', 'int', { formerNames: ['x', 'b'] }), told('new')]
    expect(steps(target, columns)).toEqual(['modify a', 'rename b c', 'add new', 'drop gone'])
    const lenient = steps(target, columns, { behavior: 'lenient' })
    expect(lenient).toEqual(['modify a', 'rename b c', 'add new', 'relax gone'])
    expect(steps(target, columns, { behavior: 'ignore' })).toEqual([])
  })

  it('does not bring back a column that was dropped since an older record', () => {
    expect(steps([there('id')], [told('id'), told('dropped')], { older: true })).toEqual([])
  })

  it('lets NULL in again where rows of an older record may have it', () => {
    const target = [there('id'), there('a', 'bigint'), there('b', 'int', { nullable: true }), there('c')]
    const columns = [told('id'), ...['a', 'b', 'c'].map((name) => told(name, 'int', { nullable: name !== 'c' }))]
    expect(steps(target, columns, { older: true })).toEqual(['relax a'])
    expect(steps(target, columns, { older: true, behavior: 'exception' })).toEqual([])
  })

  it('takes neither columns nor types back because of an older record', () => {
    const target = [there('id'), there('a', 'bigint'), there('b')]
    expect(steps(target, [told('id'), told('a', 'int')], { older: true })).toEqual(['relax b'])
    expect(steps(target, [told('id'), told('old')], { older: true, renamed: new Map([['old', 'b']]) })).toEqual([
      'relax a',
    ])
  })

  it('is lenient: a column is widened, or kept aside', () => {
    const lenient = (from: string, to: string, more: EvolvingColumn[] = []): string[] =>
      steps([there('id'), there('v', from), ...more], [told('id'), told('v', to)], { behavior: 'lenient' })
    expect(lenient('int', 'bigint')).toEqual(['modify v'])
    expect(lenient('bigint', 'int')).toEqual([])
    expect(lenient('varchar(10)', 'date')).toEqual(['relax v', 'rename v v_varchar_10', 'add v'])
    expect(lenient('date', 'int', [there('v_date', 'date', { optional: true })])).toEqual(['modify v'])
    expect(asideName('x'.repeat(70), 'decimal(10,2) unsigned').length).toBeLessThanOrEqual(64)
  })

  it('comes to an end: with its steps done there are no more', () => {
    expect(steps([there('id'), there('A')], [told('ID'), told('a', 'int(11)')])).toEqual([])
    const nullable = [told('id'), told('a', 'int', { nullable: true })]
    expect(steps([there('id'), there('a')], nullable)).toEqual(['modify a'])
    expect(steps([there('id'), there('a', 'int', { nullable: true, optional: true })], nullable)).toEqual([])
  })
})

describe('types of MySQL', () => {
  it.each([
    ['int(11)', 'int', true],
    ['bigint(20) unsigned', 'bigint unsigned', true],
    ['json', 'longtext', true],
    ['decimal(10,0)', 'decimal', true],
    ['point', 'geometry', true],
    ["enum('a')", "enum('a','b')", false],
    ['int', 'int unsigned', false],
    ['datetime', 'datetime(6)', false],
  ])('%s and %s are the same: %s', (a, b, same) => {
    expect(TYPE_RULES.same(a, b)).toBe(same)
    expect(TYPE_RULES.same(b, a)).toBe(same)
  })

  it.each([
    ['tinyint', 'int', true],
    ['int unsigned', 'int', false],
    ['int unsigned', 'bigint', true],
    ['int', 'bigint unsigned', false],
    ['decimal(10,2)', 'decimal(12,4)', true],
    ['decimal(10,2)', 'decimal(10,4)', false],
    ['varchar(10)', 'varchar(20)', true],
    ['varchar(20)', 'varchar(10)', false],
    ['varchar(300)', 'text', true],
    ['varchar(100)', 'tinytext', false],
    ['text', 'mediumtext', true],
    ['blob', 'text', false],
    ['float', 'double', true],
    ['double', 'float', false],
    ["enum('a','b')", "enum('b','a','c')", true],
    ["enum('a','b')", "enum('a')", false],
    ['datetime(3)', 'datetime(6)', true],
    ['date', 'datetime', false],
  ])('%s holds no more than %s: %s', (from, to, widens) => {
    expect(TYPE_RULES.widens(from, to)).toBe(widens)
  })
})
