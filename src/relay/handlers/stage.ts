// A handler at work: takes one thing after the other, and gives what becomes of it to the next.

/** Where a stage puts what it makes. */
export type Emit<T> = (value: T) => void

/** One handler in a chain. */
export interface Stage<T> {
  take(value: T): void
}

/** Stages one behind the other; what the last one gives goes to `end`. Each is made by telling it where it emits. */
export function chained<T>(stages: readonly ((emit: Emit<T>) => Stage<T>)[], end: Emit<T>): Emit<T> {
  let emit = end
  for (let i = stages.length - 1; i >= 0; i -= 1) {
    const stage = (stages[i] as (emit: Emit<T>) => Stage<T>)(emit)
    emit = (value) => stage.take(value)
  }
  return emit
}

/** A field of its own, whatever it is called; undefined where it is not there. */
export function ownField(row: unknown, name: string): unknown {
  return typeof row === 'object' && row !== null && Object.hasOwn(row, name)
    ? (row as Readonly<Record<string, unknown>>)[name]
    : undefined
}
