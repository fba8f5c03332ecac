/**
 * What a change does to a table. `+I` and `+U` add a row, `-U` and `-D` take one away: that is all that counts. `-U` and `+U` are
 * hints: they stand side by side, as the old and the new form of one row, until a stream is spread by another key.
 */
export type RowKind = '+I' | '-U' | '+U' | '-D'

/** One change of a table: a row that is added, or one equal to it that is taken away. */
export interface RowChange<T> {
  readonly kind: RowKind
  readonly row: T
}

/** Whether the row is taken away. */
export function takesAway(kind: RowKind): boolean {
  return kind === '-U' || kind === '-D'
}
