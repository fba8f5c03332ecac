import { MillraceError } from '../errors.ts'

/** Checks what must hold whatever the input; a failure is a bug in Millrace. Throws INVARIANT. */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new MillraceError('INVARIANT', { what })
}

/** Returns the value, asserting that it is there. Throws INVARIANT. */
export function present<T>(value: T | undefined | null, what: string): T {
  assert(value !== undefined && value !== null, `${what} is missing`)
  return value
}
