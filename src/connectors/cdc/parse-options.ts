import type { z } from 'zod'
import { MillraceError } from '../../errors.ts'
import { optionFault } from './option-fault.ts'

/** Checks options against a schema. Throws CONNECTOR_OPTION with the path of the first that is wrong. */
export function parseOptions<T>(shape: z.ZodType<T>, options: unknown, connector: string): T {
  const result = shape.safeParse(options)
  if (result.success) return result.data
  const { path, reason } = optionFault(result.error, shape)
  throw new MillraceError('CONNECTOR_OPTION', { path: path.join('.') || '(options)', connector, reason })
}
