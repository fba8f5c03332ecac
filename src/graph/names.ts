import { MillraceError } from '../errors.ts'

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/

/** Names of jobs, nodes and side outputs are also names of files and metrics. Throws GRAPH_BAD_NAME. */
export function assertName(name: string, what: string): void {
  if (!NAME.test(name)) throw new MillraceError('GRAPH_BAD_NAME', { name, what })
}
