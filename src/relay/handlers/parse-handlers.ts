// From specs, perhaps of a configuration file, to checked ones.

import { z } from 'zod'
import { optionFault } from '../../connectors/cdc/option-fault.ts'
import { MillraceError } from '../../errors.ts'
import { isDecimal } from '../../util/decimal.ts'
import { checkHandler } from './check-handler.ts'
import { compileLike } from './like.ts'
import type { Condition, HandledAs, Literal, ParsedHandler } from './spec.ts'

const name = z.string().min(1, 'expected a name')
/** `database.table`, each a name or with `*`; or a topic. */
const target = z.string().min(1, 'expected a name, in which * stands for the present one')

const literal = z.custom<Literal>(isLiteral, {
  error: (issue) =>
    issue.input === null
      ? 'nothing compares with null: ask for it with null: true'
      : 'expected a text, a number, true or false, { decimal: "digits" } or { hex: "bytes" }',
})

function isLiteral(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isNaN(value)
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint') return true
  if (isDecimal(value)) return !value.isNaN()
  if (value instanceof Date) return !Number.isNaN(value.getTime())
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 1) return false
  const { decimal, hex } = value as { decimal?: unknown; hex?: unknown }
  if (typeof decimal === 'string') return /^-?\d+(\.\d+)?$/.test(decimal)
  return typeof hex === 'string' && /^([0-9a-f]{2})*$/i.test(hex)
}

const OPERATORS = ['=', '!=', '>', '<', '>=', '<=', 'in', 'like', 'null'] as const

const condition: z.ZodType<Condition> = z.lazy(() =>
  z
    .strictObject({
      column: name.optional(),
      field: z.enum(['topic', 'key', 'partition', 'timestampMs', 'database', 'table', 'op']).optional(),
      header: name.optional(),
      '=': literal.optional(),
      '!=': literal.optional(),
      '>': literal.optional(),
      '<': literal.optional(),
      '>=': literal.optional(),
      '<=': literal.optional(),
      in: z.array(literal).min(1).optional(),
      like: z.string().max(1000).optional(),
      escape: z.string().optional(),
      null: z.boolean().optional(),
      all: z.array(condition).min(1).optional(),
      any: z.array(condition).min(1).optional(),
      not: condition.optional(),
    })
    .superRefine(checkCondition),
) as unknown as z.ZodType<Condition>

function checkCondition(given: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void {
  const wrong = (message: string, path: string[] = []): void => context.addIssue({ code: 'custom', message, path })
  const subjects = ['column', 'field', 'header'].filter((part) => given[part] !== undefined)
  const groups = ['all', 'any', 'not'].filter((part) => given[part] !== undefined)
  const comparisons = OPERATORS.filter((part) => given[part] !== undefined)
  if (groups.length + subjects.length !== 1)
    return wrong('expected exactly one of column, field, header, all, any and not')
  if (groups.length === 1) {
    if (comparisons.length > 0) wrong(`a comparison needs a column`, [comparisons[0] as string])
    return
  }
  if (comparisons.length === 0) return wrong(`expected a comparison: one or several of ${OPERATORS.join(' ')}`)
  const { like, escape: escapedBy } = given as { like?: string; escape?: string }
  if (like === undefined) {
    if (escapedBy !== undefined) wrong('is for like', ['escape'])
    return
  }
  if (escapedBy !== undefined && Array.from(escapedBy).length !== 1) return wrong('expected one character', ['escape'])
  try {
    compileLike(like, escapedBy)
  } catch (error) {
    wrong((error as Error).message, ['like'])
  }
}

const secret = z.union([z.strictObject({ env: name }), z.strictObject({ file: name })], {
  error: 'expected { env: "NAME" } or { file: "path" }',
})

const mask = z.union(
  [
    z.literal('null'),
    z.strictObject({ constant: z.union([z.string(), z.number(), z.boolean()]) }),
    z.strictObject({ hash: secret }),
    z.strictObject({ keepLast: z.int().min(0) }),
  ],
  { error: 'expected "null", { constant }, { hash: { env: "NAME" } } or { keepLast: number }' },
)

const PARTS = ['filter', 'project', 'rename', 'mask', 'route'] as const

const handler = z
  .strictObject({
    only: z.array(name).min(1).optional(),
    filter: condition.optional(),
    project: z
      .strictObject({ columns: z.array(name).min(1).optional(), exclude: z.array(name).min(1).optional() })
      .refine(
        ({ columns, exclude }) => (columns === undefined) !== (exclude === undefined),
        'expected columns or exclude',
      )
      .optional(),
    rename: z
      .strictObject({ columns: names(name), tables: names(target), topics: names(target) })
      .refine((given) => Object.values(given).some((one) => one !== undefined), 'expected columns, tables or topics')
      .optional(),
    mask: record(mask).optional(),
    route: z
      .strictObject({
        rules: z.array(z.strictObject({ when: condition, to: target })).min(1),
        otherwise: target.nullable().optional(),
      })
      .optional(),
  })
  .refine((given) => PARTS.filter((part) => given[part] !== undefined).length === 1, {
    error: `expected exactly one of ${PARTS.join(', ')}`,
  })

function names(value: z.ZodType<string>) {
  return record(value).optional()
}

/** A record whose names may be any, `__proto__` too: a Map of its entries. */
function record<T>(value: z.ZodType<T>): z.ZodType<Readonly<Record<string, T>>> {
  return z
    .custom<Readonly<Record<string, T>>>(
      (given) => typeof given === 'object' && given !== null && !Array.isArray(given),
      'expected an object: { name: … }',
    )
    .superRefine((given, context) => {
      const entries = Object.entries(given)
      if (entries.length === 0) context.addIssue({ code: 'custom', message: 'expected at least one name' })
      for (const [key, item] of entries) {
        const result = value.safeParse(item)
        for (const { message, path } of result.error?.issues ?? [])
          context.addIssue({ code: 'custom', message, path: [key, ...path] })
      }
    })
}

/** Which part of what is wrong, for messages. `root`: the factory that was called, such as `where`. */
export interface SpecPlace {
  readonly connector: string
  /** The beginning of paths that callers call otherwise, and what they call it. Default: nothing. */
  readonly root?: readonly [path: string, called: string]
}

/** Checks specs. Throws CONNECTOR_OPTION with the path of the first part that is wrong: `handlers[2].filter.column`. */
export function parseHandlers(specs: unknown, of: HandledAs, { connector, root }: SpecPlace): readonly ParsedHandler[] {
  const fail = (path: string, reason: string): never => {
    throw new MillraceError('CONNECTOR_OPTION', { path: pathFrom(root, path), connector, reason })
  }
  if (!HANDLED_AS.has(of)) fail('of', `expected one of ${[...HANDLED_AS].join(', ')}`)
  const list = z.array(handler)
  const result = list.safeParse(specs)
  if (!result.success) {
    const { path, reason } = optionFault(result.error, list)
    return fail(pathText(path), reason)
  }
  return result.data.map((one, index) => {
    const parsed = { ...one, path: pathFrom(root, `handlers[${index}]`) } as ParsedHandler
    checkHandler(parsed, of, (path, reason) => fail(`handlers[${index}].${path}`, reason))
    return parsed
  })
}

const HANDLED_AS: ReadonlySet<string> = new Set<HandledAs>([
  'rows',
  'changes',
  'records',
  'json-records',
  'change-records',
])

function pathText(path: readonly PropertyKey[]): string {
  let text = 'handlers'
  for (const part of path) text += typeof part === 'number' ? `[${part}]` : `.${String(part)}`
  return text
}

/** As the caller calls it: without the dot that a path would begin with. */
function pathFrom(root: SpecPlace['root'], path: string): string {
  if (root === undefined || !path.startsWith(root[0])) return path
  return `${root[1]}${path.slice(root[0].length)}`.replace(/^\./, '')
}
