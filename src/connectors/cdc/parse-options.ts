import type { z } from 'zod'
import { MillraceError } from '../../errors.ts'

/** Checks options against a schema. Throws CONNECTOR_OPTION with the path of the first that is wrong. */
export function parseOptions<T>(shape: z.ZodType<T>, options: unknown, connector: string): T {
  const result = shape.safeParse(options)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const path = issue === undefined || issue.path.length === 0 ? '(options)' : issue.path.join('.')
  throw new MillraceError('CONNECTOR_OPTION', { path, connector, reason: issue?.message ?? 'not understood' })
}
