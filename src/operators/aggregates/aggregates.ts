import type { AggregateFunction, RetractableAggregateFunction } from '../../contract/state.ts'
import { isMillraceError, reasonOf } from '../../errors.ts'

/** What a row is made of: aggregate functions by the name of their column. */
export type AggregateColumns<T> = Readonly<Record<string, AggregateFunction<T, unknown, unknown>>>

/** The row that such columns make. */
export type AggregateRow<Columns> = {
  readonly [Name in keyof Columns]: Columns[Name] extends AggregateFunction<infer _In, infer _Acc, infer Out>
    ? Out
    : never
}

/** Several aggregates at once, as one row: `aggregates({ bids: count(), total: sum((bid) => bid.price) })`. */
export function aggregates<T, Columns extends AggregateColumns<T>>(
  columns: Columns & AggregateColumns<T>,
): AggregateFunction<T, unknown[], AggregateRow<Columns>> {
  const row = combine<T, AggregateRow<Columns>>(Object.keys(columns), Object.values(columns))
  return { ...row, retractable: () => combineRetracting(columns) }
}

function combine<T, Row>(
  names: readonly string[],
  functions: readonly AggregateFunction<T, unknown, unknown>[],
): AggregateFunction<T, unknown[], Row> {
  return {
    create: () => functions.map((fn) => fn.create()),
    add(value, parts) {
      let i = 0
      try {
        for (const fn of functions) {
          parts[i] = fn.add(value, parts[i])
          i += 1
        }
      } catch (error) {
        throw columnError(names[i], error)
      }
      return parts
    },
    result(parts) {
      const row: Record<string, unknown> = {}
      let i = 0
      try {
        for (const fn of functions) {
          row[names[i] as string] = fn.result(parts[i])
          i += 1
        }
      } catch (error) {
        throw columnError(names[i], error)
      }
      return row as Row
    },
    merge(a, b) {
      let i = 0
      try {
        for (const fn of functions) {
          a[i] = fn.merge(a[i], b[i])
          i += 1
        }
      } catch (error) {
        throw columnError(names[i], error)
      }
      return a
    },
  }
}

function combineRetracting<T, Row>(columns: AggregateColumns<T>): RetractableAggregateFunction<T, unknown[], Row> {
  const names = Object.keys(columns)
  const functions = Object.entries(columns).map(([name, fn]) => {
    const form = retractingFormOf(fn)
    if (form === undefined) throw new TypeError(`column "${name}" has neither retract() nor retractable()`)
    return form
  })
  return {
    ...combine<T, Row>(names, functions),
    retract(value, parts) {
      let i = 0
      try {
        for (const fn of functions) {
          parts[i] = fn.retract(value, parts[i])
          i += 1
        }
      } catch (error) {
        throw columnError(names[i], error)
      }
      return parts
    },
  }
}

/** The form of a function that can take values back; undefined if it has none. */
export function retractingFormOf<In, Out>(
  fn: AggregateFunction<In, unknown, Out>,
): RetractableAggregateFunction<In, unknown, Out> | undefined {
  if (fn.retractable !== undefined) return fn.retractable()
  return fn.retract === undefined ? undefined : (fn as RetractableAggregateFunction<In, unknown, Out>)
}

/** Says which column a value did not fit. */
function columnError(name: string | undefined, error: unknown): unknown {
  return isMillraceError(error) ? error : new Error(`column "${name}": ${reasonOf(error)}`, { cause: error })
}
