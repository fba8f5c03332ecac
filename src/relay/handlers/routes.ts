// Where things go by conditions: what a filter and a route have in common.

import { type CompiledCondition, comparisonsOf, compileCondition, type Readers } from './condition.ts'
import type { Condition, ParsedHandler } from './spec.ts'

/** Goes nowhere. */
export const NOWHERE = -1

/** Rules in order, and the targets that they name, each once. */
export interface Routes {
  readonly rules: readonly { readonly when: Condition; readonly target: number }[]
  /** `*` is where it is. */
  readonly targets: readonly string[]
  readonly otherwise: number
  /** What the rules say depends on columns. */
  readonly usesColumns: boolean
  /** It depends on nothing but the topic. */
  readonly usesTopicOnly: boolean
  /** For messages: `handlers[2].filter`. */
  readonly path: string
}

/** The routes of a filter or a route; undefined for other handlers. */
export function routesOf({ filter, route, path }: ParsedHandler): Routes | undefined {
  const at = (part: string): string => (path === '' ? part : `${path}.${part}`)
  if (filter !== undefined) {
    const rules = [{ when: filter, target: 0 }]
    return { rules, targets: ['*'], otherwise: NOWHERE, ...usesOf([filter]), path: at('filter') }
  }
  if (route === undefined) return undefined
  const { otherwise = '*' } = route
  const targets = [...new Set([...route.rules.map(({ to }) => to), ...(otherwise === null ? [] : [otherwise])])]
  return {
    rules: route.rules.map(({ when, to }) => ({ when, target: targets.indexOf(to) })),
    targets,
    otherwise: otherwise === null ? NOWHERE : targets.indexOf(otherwise),
    ...usesOf(route.rules.map(({ when }) => when)),
    path: at('route'),
  }
}

function usesOf(conditions: readonly Condition[]): Pick<Routes, 'usesColumns' | 'usesTopicOnly'> {
  const comparisons = conditions.flatMap(comparisonsOf)
  return {
    usesColumns: comparisons.some(({ column }) => column !== undefined),
    usesTopicOnly: comparisons.every(({ field }) => field === 'topic'),
  }
}

/** The number of a target, or NOWHERE. */
export type TargetOf = (row: unknown, whole: unknown) => number

/** The routes over records that are read so. */
export function compileRoutes({ rules, otherwise }: Routes, readers: Readers): TargetOf {
  const compiled = rules.map(({ when, target }) => ({ when: compileCondition(when, readers), target }))
  const [only] = compiled
  if (compiled.length === 1 && only !== undefined) return single(only.when, only.target, otherwise)
  return (row, whole) => {
    for (const { when, target } of compiled) if (when(row, whole) === true) return target
    return otherwise
  }
}

function single(when: CompiledCondition, target: number, otherwise: number): TargetOf {
  return (row, whole) => (when(row, whole) === true ? target : otherwise)
}
