import type { AggregateFunction, RetractableAggregateFunction } from '../../contract/state.ts'
import { MillraceError, reasonOf } from '../../errors.ts'
import { retractingFormOf } from './aggregates.ts'

/** The form of an aggregate function that a node whose input retracts runs. Throws GRAPH_BAD_FUNCTION if it has none. */
export function retracting<In, Out>(
  node: string,
  fn: AggregateFunction<In, unknown, Out>,
): RetractableAggregateFunction<In, unknown, Out> {
  const expected = 'one with retract() or retractable(), for the input of this node takes back what it said'
  let what = 'an aggregate function that only adds'
  try {
    const form = retractingFormOf(fn)
    if (form !== undefined) return form
  } catch (error) {
    what += ` (${reasonOf(error)})`
  }
  throw new MillraceError('GRAPH_BAD_FUNCTION', { node, what, expected })
}
