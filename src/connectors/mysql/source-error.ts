import { isMillraceError, MillraceError, reasonOf } from '../../errors.ts'
import type { ConnectionSettings } from './connection.ts'

/** ER_DBACCESS_DENIED, ER_ACCESS_DENIED, ER_TABLEACCESS_DENIED, ER_COLUMNACCESS_DENIED, ER_SPECIFIC_ACCESS_DENIED. */
const DENIED: ReadonlySet<unknown> = new Set([1044, 1045, 1142, 1143, 1227])

/** The error that ends a source, for what the driver gave: the server's words and number, never a password. */
export function sourceError(error: unknown, { host, port, password }: ConnectionSettings, node: string): MillraceError {
  if (isMillraceError(error)) return error
  const { errno } = error as { readonly errno?: unknown }
  const words = password === '' ? reasonOf(error) : reasonOf(error).replaceAll(password, '***')
  const number = typeof errno === 'number' ? ` (error ${errno})` : ''
  const reason = `${host}:${port} says: ${words}${number}`
  return new MillraceError(DENIED.has(errno) ? 'SOURCE_SETTING' : 'SOURCE_FAILED', { node, reason }, error)
}
