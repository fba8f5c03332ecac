// Which user objects were opened already: an object has one life, in one subtask.

import { MillraceError } from '../errors.ts'

/** What users give where a function object is wanted: the object, or a factory called once for each subtask. */
export type FunctionOrFactory<F extends object> = F | (() => F)

const opened = new WeakSet<object>()

/** A new object from a factory, or the one object that was given. */
export function instanceOf<F extends object>(given: FunctionOrFactory<F>): F {
  return typeof given === 'function' ? given() : given
}

/** Called before open(). Throws GRAPH_SHARED_FUNCTION for an object that was opened before: its fields hold another subtask's data. */
export function claim(node: string, fn: object): void {
  if (opened.has(fn)) throw new MillraceError('GRAPH_SHARED_FUNCTION', { node, type: fn.constructor.name })
  opened.add(fn)
}
