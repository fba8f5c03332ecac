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

/** How an end proves who it is. */
export type Proof = 'tls' | 'psk' | 'plain'

/** The reason why no line came to be, with what it means for those who do not know OpenSSL's words. */
export function explained(reason: string, proof: Proof): string {
  const meaning = MEANINGS.find(
    ([pattern, proofs]) => pattern.test(reason) && (proofs === undefined || proofs === proof),
  )
  return meaning === undefined ? reason : `${reason} (${meaning[2]})`
}

const MEANINGS: readonly (readonly [pattern: RegExp, proof: Proof | undefined, meaning: string])[] = [
  [/wrong version number|packet length too long/, undefined, 'the other end is plain: give both tls, or both psk'],
  [/illegal parameter|binder does not verify/, 'psk', 'the identity is not known to the receiver, or the keys differ'],
  [/self.signed|unable to (?:get|verify)/, 'tls', "no authority in tls.ca signed the other end's certificate"],
  [
    /closed the connection|socket disconnected|socket hang up|ECONNRESET/,
    'plain',
    'it may want tls or psk: see its log',
  ],
  [
    /closed the connection|socket disconnected|socket hang up|ECONNRESET/,
    undefined,
    'it may have refused what this end proves: see its log',
  ],
]
