import { reasonOf } from '../../../errors.ts'

/** What a socket or OpenSSL says is wrong, alike each time: OpenSSL's own text has addresses of memory. */
export function socketReason(error: unknown): string {
  const { reason, code } = error as { reason?: unknown; code?: unknown }
  return typeof reason === 'string' && String(code).startsWith('ERR_SSL') ? `TLS: ${reason}` : reasonOf(error).trim()
}
