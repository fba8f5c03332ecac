import { reasonOf } from '../../../errors.ts'

/** Whether it is TLS that refused the other end, or was refused by it. */
export function isTlsError(error: unknown): boolean {
  return String((error as { code?: unknown }).code).startsWith('ERR_SSL')
}

/** What a socket or OpenSSL says is wrong, alike each time: OpenSSL's own text has addresses of memory. */
export function socketReason(error: unknown): string {
  // A name with several addresses, of which none could be connected to.
  if (error instanceof AggregateError) return error.errors.map(socketReason).join(', ')
  const { reason } = error as { reason?: unknown }
  return isTlsError(error) && typeof reason === 'string' ? `TLS: ${reason}` : reasonOf(error).trim()
}
