// Addresses of relays: `host:port`, and which of them never leave this machine.

import { isIP } from 'node:net'

export interface RelayAddress {
  readonly host: string
  readonly port: number
}

/** Of `host:port` or `[IPv6]:port`; undefined if it is neither. */
export function parseAddress(text: string): RelayAddress | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/@\s]+)):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain
  const port = Number(digits)
  if (host === undefined || port > 65_535 || (bracketed !== undefined && isIP(bracketed) !== 6)) return undefined
  return { host, port }
}

/** The address as it is written in options. */
export function formatAddress({ host, port }: RelayAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Whether a host as written, or an address of a socket, is this machine's own. */
export function isLoopback(host: string | undefined): boolean {
  if (host === undefined) return false
  const address = host.replace(/^::ffff:/i, '')
  return address === 'localhost' || address === '::1' || (isIP(address) === 4 && address.startsWith('127.'))
}
