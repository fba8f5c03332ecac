// ColumnPlan: what becomes of the columns of rows: which go on, under which names, and with what in place of their values.

import { setField } from '../../codec/exact-json.ts'
import type { CompiledMask } from './masking.ts'
import type { Masks, ParsedHandler } from './spec.ts'

/** A column that goes on. */
export interface PlannedColumn {
  /** Where it stands among those that come. */
  readonly at: number
  readonly from: string
  readonly to: string
  readonly mask: CompiledMask | undefined
}

/** A projection, renaming or masking, ready to be planned for any columns. */
export interface ColumnWork {
  readonly project: ParsedHandler['project']
  readonly names: ReadonlyMap<string, string>
  readonly masks: ReadonlyMap<string, CompiledMask>
  /** For messages: `handlers[2].project`. */
  readonly path: string
}

/** The work of a handler, if it is about columns. */
export function columnWork(
  { project, rename, mask, path }: ParsedHandler,
  compile: (mask: Masks[string], path: string) => CompiledMask,
): ColumnWork | undefined {
  if (project === undefined && rename?.columns === undefined && mask === undefined) return undefined
  const at = (part: string): string => (path === '' ? part : `${path}.${part}`)
  const masks = Object.entries(mask ?? {}).map(([name, one]) => [name, compile(one, at(`mask.${name}`))] as const)
  return {
    project,
    names: new Map(Object.entries(rename?.columns ?? {})),
    masks: new Map(masks),
    path: at(project !== undefined ? 'project' : mask !== undefined ? 'mask' : 'rename.columns'),
  }
}

/** The columns that the work names. */
export function namedColumns({ project, names, masks }: ColumnWork): readonly string[] {
  return [...(project?.columns ?? project?.exclude ?? []), ...names.keys(), ...masks.keys()]
}

/** Where columns go. Throws Error, saying what is wrong, if two would have one name. */
export function planColumns(work: ColumnWork, columns: readonly string[]): readonly PlannedColumn[] {
  const { project, names, masks } = work
  const index = new Map(columns.map((name, at) => [name, at]))
  const excluded = new Set(project?.exclude)
  const kept = project?.columns?.filter((name) => index.has(name)) ?? columns.filter((name) => !excluded.has(name))
  const planned = kept.map((from): PlannedColumn => {
    return { at: index.get(from) as number, from, to: names.get(from) ?? from, mask: masks.get(from) }
  })
  const taken = new Map<string, string>()
  for (const { from, to } of planned) {
    const other = taken.get(to)
    if (other !== undefined) throw new Error(`columns "${other}" and "${from}" would both be called "${to}"`)
    taken.set(to, from)
  }
  return planned
}

/** A row as the plan says; lists by place, objects by name, a field that is not there stays so. */
export function plannedRow(plan: readonly PlannedColumn[], row: unknown): unknown {
  return Array.isArray(row) ? plannedList(plan, row) : plannedObject(plan, row as Readonly<Record<string, unknown>>)
}

/** The value under its mask. */
export function maskedValue(mask: CompiledMask | undefined, value: unknown): unknown {
  return mask === undefined || value === null || value === undefined ? value : mask.convert(value)
}

function plannedList(plan: readonly PlannedColumn[], row: readonly unknown[]): unknown[] {
  const values = new Array<unknown>(plan.length)
  for (let i = 0; i < plan.length; i += 1) {
    const { at, mask } = plan[i] as PlannedColumn
    values[i] = maskedValue(mask, row[at])
  }
  return values
}

function plannedObject(
  plan: readonly PlannedColumn[],
  row: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  for (let i = 0; i < plan.length; i += 1) {
    const { from, to, mask } = plan[i] as PlannedColumn
    if (Object.hasOwn(row, from)) setField(fields, to, maskedValue(mask, row[from]))
  }
  return fields
}

/** Plans of objects by their fields: those that come one after the other mostly have the same. */
export class ObjectPlans {
  readonly #work: ColumnWork
  #names: readonly string[] = []
  #plan: readonly PlannedColumn[] = []

  constructor(work: ColumnWork) {
    this.#work = work
  }

  /** Throws Error if two columns would have one name. */
  of(row: object): readonly PlannedColumn[] {
    const names = Object.keys(row)
    if (sameNames(names, this.#names)) return this.#plan
    this.#plan = planColumns(this.#work, names)
    this.#names = names
    return this.#plan
  }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false
  return true
}
