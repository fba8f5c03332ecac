// ChangeRouting: filters and routes over changes.
//
// Owns: what the conditions are over the columns of each table.
//
// I1. Each target holds, of a table, the rows whose present form goes there: an update that leaves a target is a delete there, one that
//     comes is a create.
// I2. What a row was before is not always told. Then a delete goes to every target it may be in, and an update deletes in every other one.
// I3. Records of op `s` and `t` go to all targets.

import { MillraceError } from '../../errors.ts'
import type { Change, ChangeSource, TableSchema } from '../../record/change.ts'
import type { Readers } from './condition.ts'
import { nameTest, retargeted, tableOf, withSource } from './name-map.ts'
import { compileRoutes, NOWHERE, type Routes, type TargetOf } from './routes.ts'
import type { HandledField } from './spec.ts'
import { type Emit, ownField, type Stage } from './stage.ts'
import { TablePlans } from './table-plans.ts'

type AnyChange = Change<unknown>

/** undefined: the handler is not about the table. */
type Plan = TargetOf | undefined

export class ChangeRouting implements Stage<AnyChange> {
  readonly #routes: Routes
  readonly #plans: TablePlans<Plan>
  readonly #emit: Emit<AnyChange>
  #lastSource: ChangeSource | undefined
  #sources: readonly ChangeSource[] = []

  constructor(routes: Routes, only: readonly string[] | undefined, emit: Emit<AnyChange>) {
    const isMeant = nameTest(only)
    this.#routes = routes
    this.#emit = emit
    this.#plans = new TablePlans((source, schema) =>
      isMeant(tableOf(source)) ? compileRoutes(routes, changeReaders(source, schema, routes.path)) : undefined,
    )
  }

  take(change: AnyChange): void {
    const { op, before, after, source, schema } = change
    const targetOf = op === 's' && schema !== undefined ? this.#plans.told(source, schema) : this.#plans.of(source)
    if (targetOf === undefined) this.#emit(change)
    else if (op === 's' || op === 't' || (op === 'd' && before === null)) this.#toAll(change)
    else if (op === 'd') this.#to(targetOf(before, change), change)
    else if (op !== 'u') this.#to(targetOf(after, change), change)
    else if (before === null) this.#updateOfUnknown(change, targetOf(after, change))
    else this.#update(change, targetOf(before, change), targetOf(after, change))
  }

  #update(change: AnyChange, from: number, to: number): void {
    if (from === to) return this.#to(to, change)
    const { before, after, key, oldKey = key, source } = change
    this.#to(from, { op: 'd', before, after: null, key: oldKey, source })
    this.#to(to, { op: 'c', before: null, after, key, source })
  }

  /** The row that is deleted elsewhere shows its key; its other columns are those of now. */
  #updateOfUnknown(change: AnyChange, to: number): void {
    const { after, key, oldKey, source } = change
    if (oldKey !== undefined) {
      const reason = `${this.#routes.path}: an update that changes the key does not tell the row as it was: where it is to be deleted is not known`
      throw new MillraceError('SCHEMA_MISMATCH', { table: tableOf(source), reason })
    }
    const others = this.#routes.targets.length
    for (let target = 0; target < others; target += 1)
      if (target !== to) this.#to(target, { op: 'd', before: after, after: null, key, source })
    this.#to(to, change)
  }

  #toAll(change: AnyChange): void {
    for (let target = 0; target < this.#routes.targets.length; target += 1) this.#to(target, change)
  }

  #to(target: number, change: AnyChange): void {
    if (target === NOWHERE) return
    const { source } = change
    // One object for all changes of a source, so that who comes next knows it again.
    if (source !== this.#lastSource) {
      this.#sources = this.#routes.targets.map((name) => retargeted(source, name))
      this.#lastSource = source
    }
    this.#emit(withSource(change, this.#sources[target] as ChangeSource))
  }
}

/** How conditions read changes of a table. Throws SCHEMA_MISMATCH for a column that the table does not have. */
function changeReaders(source: ChangeSource, schema: TableSchema | undefined, path: string): Readers {
  return {
    column: (name) => columnReader(source, schema, { name, path }),
    field: changeField,
    // Checked before: such conditions are not of changes.
    header: () => () => undefined,
  }
}

type Read = (whole: unknown) => unknown

const FIELDS: Readonly<Record<Exclude<HandledField, 'topic' | 'key' | 'partition' | 'timestampMs'>, Read>> = {
  op: (change) => (change as AnyChange).op,
  database: (change) => (change as AnyChange).source.database,
  table: (change) => (change as AnyChange).source.table,
}

/** A field of changes. */
export function changeField(name: HandledField): Read {
  return FIELDS[name as 'op']
}

/** Throws SCHEMA_MISMATCH if the columns are known and it is none of them. */
function columnReader(
  source: ChangeSource,
  schema: TableSchema | undefined,
  { name, path }: { readonly name: string; readonly path: string },
): (row: unknown) => unknown {
  // A table that is gone is told to have none.
  const at = schema?.columns.findIndex((column) => column.name === name) ?? -1
  if (schema !== undefined && schema.columns.length > 0 && at < 0) throw missingColumn(source, schema, { name, path })
  return (row) => {
    if (!Array.isArray(row)) return ownField(row, name)
    if (at >= 0) return row[at]
    throw columnsUnknown(source, path)
  }
}

/** There is no such column. */
export function missingColumn(
  source: ChangeSource,
  { columns }: TableSchema,
  { name, path }: { readonly name: string; readonly path: string },
): MillraceError {
  const there = columns.map((column) => column.name).join(', ')
  const reason = `${path}: there is no column "${name}", only ${there}: name another one, or the tables it is meant for with only`
  return new MillraceError('SCHEMA_MISMATCH', { table: tableOf(source), reason })
}

/** Rows or keys whose columns were not told. */
export function columnsUnknown(source: ChangeSource, path: string): MillraceError {
  const reason = `${path}: a change came before the table's columns: give the source schemaChanges: true`
  return new MillraceError('SCHEMA_MISMATCH', { table: tableOf(source), reason })
}
