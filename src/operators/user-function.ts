// User objects on their way into a node: a given object or a factory, and which objects were opened already.

import { MillraceError } from '../errors.ts'

/** What users give where a function object is wanted: the object, or a factory called once for each subtask. */
export type FunctionOrFactory<F extends object> = F | (() => F)

const opened = new WeakSet<object>()

/** A new object from a factory, or the one object that was given. Throws GRAPH_BAD_FUNCTION for anything else. */
export function instanceOf<F extends object>(node: string, given: FunctionOrFactory<F>): F {
  const made: unknown = typeof given === 'function' ? callFactory(node, given) : given
  if (typeof made === 'object' && made !== null) return made as F
  throw new MillraceError('GRAPH_BAD_FUNCTION', {
    node,
    what: typeof given === 'function' ? `a factory that returned ${String(made)}` : String(made),
    expected: 'an object or a factory () => new X()',
  })
}

/** Called before open(). Throws GRAPH_SHARED_FUNCTION for an object that was opened before: its fields hold another subtask's data. */
export function claim(node: string, fn: object): void {
  if (opened.has(fn)) throw new MillraceError('GRAPH_SHARED_FUNCTION', { node, type: fn.constructor.name })
  opened.add(fn)
}

function callFactory<F extends object>(node: string, factory: () => F): F {
  if (!/^class\b/.test(Function.prototype.toString.call(factory))) return factory()
  throw new MillraceError('GRAPH_BAD_FUNCTION', {
    node,
    what: `the class ${factory.name}`,
    expected: `an object or a factory () => new ${factory.name}()`,
  })
}
