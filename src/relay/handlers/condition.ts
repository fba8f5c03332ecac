// Conditions: a spec to a function of a record, by SQL's logic of true, false and unknown.

import { decimalText, isDecimal } from '../../util/decimal.ts'
import { compileOrder, type Order } from './comparison.ts'
import { compileLike } from './like.ts'
import type { Comparison, Condition, HandledField, Literal } from './spec.ts'

/** undefined is unknown: what a comparison with null gives, and what follows from it. */
export type Truth = boolean | undefined

/** `row` is where columns are; `whole` what it came in: the change, the record of Kafka. */
export type CompiledCondition = (row: unknown, whole: unknown) => Truth

type Read = (row: unknown, whole: unknown) => unknown

/** How to get at what a condition is about. */
export interface Readers {
  /** Throws where there is no such column. */
  column(name: string): (row: unknown) => unknown
  field(name: HandledField): (whole: unknown) => unknown
  header(name: string): (whole: unknown) => unknown
}

/** The condition over records that are read so. */
export function compileCondition(condition: Condition, readers: Readers): CompiledCondition {
  if ('all' in condition && condition.all !== undefined)
    return allOf(condition.all.map((one) => compileCondition(one, readers)))
  if ('any' in condition && condition.any !== undefined)
    return anyOf(condition.any.map((one) => compileCondition(one, readers)))
  if ('not' in condition && condition.not !== undefined) {
    const inner = compileCondition(condition.not, readers)
    return (row, whole) => not(inner(row, whole))
  }
  const comparison = condition as Comparison
  const read = readOf(comparison, readers)
  const tests = testsOf(comparison).map(
    (test): CompiledCondition =>
      (row, whole) =>
        test(read(row, whole)),
  )
  return tests.length === 1 ? (tests[0] as CompiledCondition) : allOf(tests)
}

/** The comparisons that a condition is made of. */
export function comparisonsOf(condition: Condition): readonly Comparison[] {
  if ('all' in condition && condition.all !== undefined) return condition.all.flatMap(comparisonsOf)
  if ('any' in condition && condition.any !== undefined) return condition.any.flatMap(comparisonsOf)
  if ('not' in condition && condition.not !== undefined) return comparisonsOf(condition.not)
  return [condition as Comparison]
}

function readOf({ column, field, header }: Comparison, readers: Readers): Read {
  if (column !== undefined) return readers.column(column)
  const read = field !== undefined ? readers.field(field) : readers.header(header as string)
  return (_row, whole) => read(whole)
}

function not(truth: Truth): Truth {
  return truth === undefined ? undefined : !truth
}

/** False if one is false, unknown if one is unknown. */
function allOf(conditions: readonly CompiledCondition[]): CompiledCondition {
  return (row, whole) => {
    let result: Truth = true
    for (const condition of conditions) {
      const truth = condition(row, whole)
      if (truth === false) return false
      if (truth === undefined) result = undefined
    }
    return result
  }
}

/** True if one is true, unknown if one is unknown. */
function anyOf(conditions: readonly CompiledCondition[]): CompiledCondition {
  return (row, whole) => {
    let result: Truth = false
    for (const condition of conditions) {
      const truth = condition(row, whole)
      if (truth === true) return true
      if (truth === undefined) result = undefined
    }
    return result
  }
}

type Test = (value: unknown) => Truth

function testsOf(comparison: Comparison): Test[] {
  const tests: Test[] = []
  const add = (literal: Literal | undefined, test: (order: number) => boolean): void => {
    if (literal !== undefined) tests.push(ordered(compileOrder(literal), test))
  }
  add(comparison['='], (order) => order === 0)
  add(comparison['!='], (order) => order !== 0)
  add(comparison['>'], (order) => order > 0)
  add(comparison['<'], (order) => order < 0)
  add(comparison['>='], (order) => order >= 0)
  add(comparison['<='], (order) => order <= 0)
  if (comparison.in !== undefined) tests.push(oneOf(comparison.in))
  if (comparison.like !== undefined) tests.push(like(compileLike(comparison.like, comparison.escape)))
  const isNull = comparison.null
  if (isNull !== undefined) tests.push((value) => (value === null || value === undefined) === isNull)
  return tests
}

function ordered(order: (value: unknown) => Order, test: (order: number) => boolean): Test {
  return (value) => {
    const result = order(value)
    return result === undefined ? undefined : test(result)
  }
}

function oneOf(literals: readonly Literal[]): Test {
  const texts = new Set(literals.filter((literal) => typeof literal === 'string'))
  const orders = literals.map(compileOrder)
  const others = literals.flatMap((literal, i) => (typeof literal === 'string' ? [] : [orders[i] as ToOrder]))
  return (value) => {
    if (typeof value !== 'string') return anyEqual(orders, value)
    return texts.has(value) ? true : anyEqual(others, value)
  }
}

type ToOrder = (value: unknown) => Order

function anyEqual(orders: readonly ToOrder[], value: unknown): Truth {
  let result: Truth = false
  for (let i = 0; i < orders.length; i += 1) {
    const order = (orders[i] as ToOrder)(value)
    if (order === 0) return true
    if (order === undefined) result = undefined
  }
  return result
}

function like(matches: (text: string) => boolean): Test {
  return (value) => {
    if (typeof value === 'string') return matches(value)
    if (typeof value === 'number' || typeof value === 'bigint') return matches(String(value))
    return isDecimal(value) ? matches(decimalText(value)) : undefined
  }
}
