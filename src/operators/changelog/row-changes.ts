// How operators over changelogs read their input and write their output.

import type { Collector } from '../../contract/process-function.ts'
import { MillraceError } from '../../errors.ts'
import type { RowChange } from '../../record/row-change.ts'
import { sameValue } from '../../util/same-value.ts'
import { renderRecord } from '../../util/user-error.ts'

/** What the records of a stream are: rows of a table that only grows, or changes of one that also shrinks. */
export type ChangelogMode = 'append' | 'retract'

/** Where the changes of an operator go. */
export type ChangeCollector = Collector<unknown>

/** A change on its way: one object, of one shape everywhere. */
export function rowChange<T>(kind: RowChange<T>['kind'], row: T): RowChange<T> {
  return { kind, row }
}

/** The change from one row to another, none if they are the same; undefined stands for no row. */
export function emitUpdate<Row>(before: Row | undefined, after: Row | undefined, out: ChangeCollector): void {
  if (before === undefined) {
    if (after !== undefined) out.emit(rowChange('+I', after))
  } else if (after === undefined) out.emit(rowChange('-D', before))
  else if (before !== after && !sameValue(before, after)) {
    out.emit(rowChange('-U', before))
    out.emit(rowChange('+U', after))
  }
}

/** The error of a changelog that takes away what it never added, or the like. */
export function brokenChangelog(node: string, row: unknown, reason: string): MillraceError {
  return new MillraceError('CHANGELOG_BROKEN', { node, record: renderRecord(row), reason })
}

/** A change takes away a row that is not there. */
export function notThere(node: string, row: unknown): MillraceError {
  return brokenChangelog(
    node,
    row,
    'this row is taken away, but is not there: functions over rows must depend on the row alone',
  )
}
