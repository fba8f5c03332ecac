// ChangeColumns: projections, renamings and masks over changes.
//
// Owns: what becomes of the columns of each table.
//
// I1. Rows, keys and the columns that are told say the same: a key keeps its columns, under their new names, and masked as in the row.
// I2. What tells rows apart goes on telling them apart: no key column is dropped, and none is masked so that two values become one.

import { MillraceError, reasonOf } from '../../errors.ts'
import type { Change, ChangeSource, ColumnSchema, TableSchema } from '../../record/change.ts'
import { columnsUnknown, missingColumn } from './change-routing.ts'
import {
  type ColumnWork,
  maskedValue,
  namedColumns,
  ObjectPlans,
  type PlannedColumn,
  planColumns,
  plannedRow,
} from './column-plan.ts'
import { nameTest, tableOf } from './name-map.ts'
import { type Emit, ownField, type Stage } from './stage.ts'
import { TablePlans } from './table-plans.ts'

type AnyChange = Change<unknown>

/** Of a table whose columns were told. */
interface ToldPlan {
  readonly columns: readonly PlannedColumn[]
  readonly schema: TableSchema
  /** For each column of the key; undefined if none of them is masked. */
  readonly key: readonly PlannedColumn[] | undefined
}

/** undefined: the handler is not about the table; plans of objects, where columns were not told. */
type Plan = ToldPlan | ObjectPlans | undefined

export class ChangeColumns implements Stage<AnyChange> {
  readonly #work: ColumnWork
  readonly #emit: Emit<AnyChange>
  readonly #plans: TablePlans<Plan>

  constructor(work: ColumnWork, only: readonly string[] | undefined, emit: Emit<AnyChange>) {
    const isMeant = nameTest(only)
    this.#work = work
    this.#emit = emit
    this.#plans = new TablePlans((source, schema): Plan => {
      if (!isMeant(tableOf(source))) return undefined
      return schema === undefined ? new ObjectPlans(work) : planTable(work, source, schema)
    })
  }

  take(change: AnyChange): void {
    const { op, source, schema } = change
    if (op === 's' && schema !== undefined) {
      const plan = this.#plans.told(source, schema) as ToldPlan | undefined
      this.#emit(plan === undefined || plan.schema === schema ? change : { ...change, schema: plan.schema })
      return
    }
    const plan = this.#plans.of(source)
    if (plan === undefined || op === 't') this.#emit(change)
    else if (plan instanceof ObjectPlans) this.#emit(this.#untold(change, plan))
    else this.#emit(planned(change, plan))
  }

  #untold(change: AnyChange, plans: ObjectPlans): AnyChange {
    const { before, after, source } = change
    const { masks, path } = this.#work
    // Which of them tell rows apart is not known either.
    if (masks.size > 0 || Array.isArray(before ?? after)) throw columnsUnknown(source, path)
    const rowOf = (row: unknown): unknown => (row === null ? null : plannedRow(plans.of(row as object), row))
    try {
      return { ...change, before: rowOf(before), after: rowOf(after) }
    } catch (error) {
      throw mismatch(source, path, reasonOf(error))
    }
  }
}

function planned({ op, before, after, key, oldKey, source }: AnyChange, plan: ToldPlan): AnyChange {
  const { columns } = plan
  const row = after ?? before
  const change: AnyChange = {
    op,
    before: before === null ? null : plannedRow(columns, before),
    after: after === null ? null : plannedRow(columns, after),
    key: plan.key === undefined ? key : maskedKey(plan.key, key, row),
    source,
  }
  if (oldKey === undefined) return change
  return { ...change, oldKey: plan.key === undefined ? oldKey : maskedKey(plan.key, oldKey, before) }
}

/** Of the row's values where it is told: what a key calls them may differ from them in form. */
function maskedKey(columns: readonly PlannedColumn[], key: readonly unknown[], row: unknown): readonly unknown[] {
  return columns.map(({ at, from, mask }, index) => {
    const value = Array.isArray(row) ? (row[at] as unknown) : ownField(row, from)
    return mask === undefined ? key[index] : maskedValue(mask, value ?? key[index])
  })
}

/** Throws SCHEMA_MISMATCH for columns that are not there, clash, or may not go. */
function planTable(work: ColumnWork, source: ChangeSource, schema: TableSchema): ToldPlan {
  const { path } = work
  // A table that is gone is told to have no columns.
  if (schema.columns.length === 0) return { columns: [], schema, key: undefined }
  const names = schema.columns.map(({ name }) => name)
  for (const name of namedColumns(work)) if (!names.includes(name)) throw missingColumn(source, schema, { name, path })
  const columns = planOrRefuse(work, source, names)
  const byName = new Map(columns.map((column) => [column.from, column]))
  const key = schema.key.map((name): PlannedColumn => {
    const column = byName.get(name)
    if (column === undefined)
      throw mismatch(source, path, `column "${name}" is of the key, by which rows are told apart: keep it`)
    if (column.mask?.keepsApart === false)
      throw mismatch(
        source,
        path,
        `column "${name}" is of the key: so masked, different rows would be one; use { hash }`,
      )
    return column
  })
  const isSame =
    columns.length === names.length && columns.every(({ at, from, to, mask }, i) => at === i && from === to && !mask)
  return {
    columns,
    schema: isSame ? schema : plannedSchema(schema, columns, { work, connector: source.connector }),
    key: key.some(({ mask }) => mask !== undefined) ? key : undefined,
  }
}

function planOrRefuse(work: ColumnWork, source: ChangeSource, names: readonly string[]): readonly PlannedColumn[] {
  try {
    return planColumns(work, names)
  } catch (error) {
    throw mismatch(source, work.path, reasonOf(error))
  }
}

/** Without the statement that makes the table: it is not of these columns. */
function plannedSchema(
  { columns, key, dropped }: TableSchema,
  plan: readonly PlannedColumn[],
  { work, connector }: { readonly work: ColumnWork; readonly connector: string },
): TableSchema {
  const renamed = (name: string): string => work.names.get(name) ?? name
  const isKept = (name: string): boolean =>
    work.project?.columns?.includes(name) ?? work.project?.exclude?.includes(name) !== true
  const gone = dropped?.filter(({ name }) => isKept(name)).map((one) => ({ ...one, name: renamed(one.name) }))
  return {
    columns: plan.map((planned) => columnOf(columns[planned.at] as ColumnSchema, planned, { renamed, connector })),
    key: key.map((name) => (plan.find(({ from }) => from === name) as PlannedColumn).to),
    ...(gone !== undefined && gone.length > 0 && { dropped: gone }),
  }
}

/** Its former names are those that it went on under. */
function columnOf(
  column: ColumnSchema,
  { to, mask }: PlannedColumn,
  { renamed, connector }: { readonly renamed: (name: string) => string; readonly connector: string },
): ColumnSchema {
  const { declared, renamedFrom, formerNames, ...rest } = mask === undefined ? column : mask.declare(column, connector)
  return {
    ...rest,
    name: to,
    ...(renamedFrom !== undefined && { renamedFrom: renamed(renamedFrom) }),
    ...(formerNames !== undefined && { formerNames: formerNames.map(renamed) }),
    // How it was declared says what rows hold that were there before, which the mask does not know of.
    ...(declared !== undefined && mask === undefined && { declared }),
  }
}

function mismatch(source: ChangeSource, path: string, reason: string): MillraceError {
  return new MillraceError('SCHEMA_MISMATCH', { table: tableOf(source), reason: `${path}: ${reason}` })
}
