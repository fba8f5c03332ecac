import type { TLSSocket } from 'node:tls'

/** The common name (CN) of the other end's certificate, if it has exactly one. */
export function commonName(socket: TLSSocket): string | undefined {
  // Several names come as an array, whatever the type says; a connection that is gone has no certificate.
  const name: unknown = (socket.getPeerCertificate() as { subject?: { CN?: unknown } } | null)?.subject?.CN
  return typeof name === 'string' && name !== '' ? name : undefined
}
