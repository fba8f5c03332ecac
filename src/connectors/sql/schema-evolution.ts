// What a record of op `s` asks of the target table: a decision without a database.
//
// I1. Records may repeat, and older ones may come behind newer ones. So columns are renamed by any record, but come, are changed and are
//     dropped only by one that is not older than what was told before. An older one only lets NULL in again, where its rows may have it.
// I2. Doing the steps again, or only the first of them and then deciding anew, leads to the same table.

import type { ColumnSchema, TableSchema } from '../../record/change.ts'

/**
 * What becomes of a change of the source's columns: `evolve` carries all over, and fails if the target refuses one; `tryEvolve` goes on
 * without it; `lenient` carries over what loses nothing: columns and rows that are gone stay, a column whose new type would cut
 * values is kept aside under another name; `ignore` leaves the tables as they are; `exception` fails the job.
 */
export type SchemaChangeBehavior = 'evolve' | 'tryEvolve' | 'lenient' | 'ignore' | 'exception'

/** A column of the target, as far as it matters here. */
export interface EvolvingColumn {
  readonly name: string
  readonly type: string
  readonly nullable: boolean
  readonly generated: boolean
  /** A row that leaves it out can be written. */
  readonly optional: boolean
}

export type SchemaStep =
  | { readonly kind: 'add'; readonly column: ColumnSchema }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'modify'; readonly column: ColumnSchema }
  /** Rows that leave it out can be written from here on. */
  | { readonly kind: 'relax'; readonly name: string }
  | { readonly kind: 'drop'; readonly name: string }

export interface EvolutionInput {
  readonly schema: TableSchema
  readonly target: readonly EvolvingColumn[]
  readonly behavior: SchemaChangeBehavior
  /** The record tells an earlier state than one that came before. */
  readonly older: boolean
  /** Former name to present name, of columns that the record names by their former name. */
  readonly renamed: ReadonlyMap<string, string>
  /** How the database compares declared types. */
  readonly types: TypeRules
}

export interface TypeRules {
  same(a: string, b: string): boolean
  /** Every value of `from` is one of `to`. */
  widens(from: string, to: string): boolean
}

/** The steps from the table as it is to one that takes the record's rows. */
export function decideEvolution(input: EvolutionInput): SchemaStep[] {
  if (input.behavior === 'ignore') return []
  const { schema, target, renamed } = input
  const there = new Map(target.map((column) => [idOf(column.name), column]))
  const named = namesOf(schema.columns)
  const taken = new Set<string>()
  const steps: SchemaStep[] = []
  for (const column of schema.columns) {
    if (renamed.has(column.name)) continue
    const present = there.get(idOf(column.name))
    if (present !== undefined) {
      steps.push(...changed(input, present, column))
      continue
    }
    // Where two stand beside each other, the column has the older one: the other was dropped before its name was taken.
    const former = column.formerNames?.find((was) => there.has(idOf(was)) && !named.has(idOf(was)))
    if (former === undefined) {
      // What an older record has and the newest has not was dropped since.
      if (!input.older) steps.push({ kind: 'add', column })
    } else {
      const was = there.get(idOf(former)) as EvolvingColumn
      steps.push({ kind: 'rename', from: former, to: column.name })
      if (!input.older) steps.push(...changed(input, { ...was, name: column.name }, column))
      taken.add(idOf(former))
    }
  }
  return [...steps, ...gone(input, named, taken)]
}

/** What a lenient sink calls a column that it keeps aside: by its type, so that each type has a place of its own. */
export function asideName(name: string, type: string): string {
  const suffix = type
    .toLowerCase()
    .replaceAll(/\W+/g, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, 24)
  return `${name.slice(0, 63 - suffix.length)}_${suffix}`
}

function changed(
  { behavior, older, types, target }: EvolutionInput,
  present: EvolvingColumn,
  column: ColumnSchema,
): SchemaStep[] {
  if (present.generated) return []
  // Rows told again may be NULL; types that became narrower stay so.
  if (older) return loosened(behavior, present, column)
  const isSame = types.same(present.type, column.type)
  if (isSame) return column.nullable && !present.nullable ? [{ kind: 'modify', column }] : []
  // A lenient sink's column may be wider than the source's, never narrower.
  if (behavior !== 'lenient') return [{ kind: 'modify', column }]
  if (types.widens(column.type, present.type)) return []
  if (types.widens(present.type, column.type)) return [{ kind: 'modify', column }]
  const aside = asideName(present.name, present.type)
  if (target.some(({ name }) => idOf(name) === idOf(aside))) return [{ kind: 'modify', column }]
  const relax: SchemaStep[] = present.optional ? [] : [{ kind: 'relax', name: present.name }]
  return [...relax, { kind: 'rename', from: present.name, to: aside }, { kind: 'add', column }]
}

function loosened(
  behavior: SchemaChangeBehavior,
  { name, nullable }: EvolvingColumn,
  told: ColumnSchema,
): SchemaStep[] {
  return told.nullable && !nullable && behavior !== 'exception' ? [{ kind: 'relax', name }] : []
}

function gone(input: EvolutionInput, named: ReadonlySet<string>, taken: ReadonlySet<string>): SchemaStep[] {
  const present = new Set([...named, ...[...input.renamed.values()].map(idOf), ...taken])
  const drops = (input.behavior === 'evolve' || input.behavior === 'tryEvolve') && !input.older
  if (!drops) return relaxed(input, present)
  return input.target.filter(({ name }) => !present.has(idOf(name))).map(({ name }) => ({ kind: 'drop', name }))
}

function relaxed({ target }: EvolutionInput, present: ReadonlySet<string>): SchemaStep[] {
  return target
    .filter(({ name, optional }) => !optional && !present.has(idOf(name)))
    .map(({ name }) => ({ kind: 'relax', name }))
}

function namesOf(columns: readonly ColumnSchema[]): Set<string> {
  return new Set(columns.map(({ name }) => idOf(name)))
}

/** Names of columns do not tell letters' case apart. */
function idOf(name: string): string {
  return name.toLowerCase()
}
