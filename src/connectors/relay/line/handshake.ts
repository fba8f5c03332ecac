// What Hello and Welcome must say, beyond their form.

import type { Hello, Welcome } from '../wire/messages.ts'

export const WIRE_VERSION = 1
/** Until Hello and Welcome were exchanged. */
export const HANDSHAKE_FRAME_BYTES_MAX = 65_536
const FRAME_BYTES_MIN = 65_536
const INCARNATION_BYTES = 16
const SITE = /^[a-z0-9._-]{1,60}$/

/** What is wrong with a Hello of our version. */
export function helloFault({ site, sender, incarnation, frameBytesMax }: Hello): string | undefined {
  if (!SITE.test(site)) return 'the site is no name'
  if (!sender.startsWith(`${site}/`)) return 'the sender is not of its site'
  if (incarnation.length !== INCARNATION_BYTES) return `the incarnation has ${incarnation.length} bytes`
  return frameFault(frameBytesMax)
}

/** What is wrong with a Welcome of our version. */
export function welcomeFault({ site, frameBytesMax, plainBytesMax, heartbeatMs }: Welcome): string | undefined {
  if (!SITE.test(site)) return 'the site is no name'
  if (plainBytesMax === 0) return 'it takes batches of no bytes'
  if (heartbeatMs < 10 || heartbeatMs > 600_000) return `a heartbeat of ${heartbeatMs} ms`
  return frameFault(frameBytesMax)
}

function frameFault(bytes: number): string | undefined {
  return bytes < FRAME_BYTES_MIN ? `it takes frames of ${bytes} bytes only` : undefined
}
