// The two headers that tell where a relayed record comes from. They stand behind its own headers, in this order.

import type { KafkaHeaders } from '../../connectors/kafka/index.ts'
import type { HeadersToWrite } from '../../connectors/kafka/records/batch-builder.ts'

/** The offset that the record has at the site it was sent from, in decimal digits. */
const OFFSET_HEADER = 'millrace-offset'
/** The sites that it was at before this one, with commas between: the last one sent it. */
export const SITES_HEADER = 'millrace-sites'

/** The sites that a record was at before the one it lies at; undefined for one that was written there. */
export function sitesOf(headers: KafkaHeaders): string | undefined {
  for (let i = headers.length - 1; i >= 0; i -= 1) {
    const [name, value] = headers[i] as KafkaHeaders[number]
    if (name === SITES_HEADER) return value === null ? undefined : value.toString('latin1')
  }
  return undefined
}

/** Where a record was: the site that sent it, and its offset there; undefined for one that was not relayed. */
export function originOf(headers: KafkaHeaders): { readonly site: string; readonly offset: number } | undefined {
  const sites = sitesOf(headers)
  const offset = headers.findLast(([name]) => name === OFFSET_HEADER)?.[1]
  if (sites === undefined || offset === undefined || offset === null) return undefined
  return { site: sites.slice(sites.lastIndexOf(',') + 1), offset: Number(offset.toString('latin1')) }
}

/** Whether a path of sites, such as `a,b`, has this one. */
export function wasAt(sites: string, site: string): boolean {
  return sites === site || `,${sites},`.includes(`,${site},`)
}

/** A record's own headers. */
export function withoutOrigin(headers: KafkaHeaders): KafkaHeaders {
  if (headers.length === 0 || !headers.some(isOrigin)) return headers
  return headers.filter((header) => !isOrigin(header))
}

/** Its own, then where it comes from. */
export function withOrigin(own: KafkaHeaders, offset: number, sites: HeadersToWrite[number]): HeadersToWrite {
  const origin: HeadersToWrite[number] = [OFFSET_HEADER, String(offset)]
  return own.length === 0 ? [origin, sites] : [...own, origin, sites]
}

function isOrigin([name]: KafkaHeaders[number]): boolean {
  return name === OFFSET_HEADER || name === SITES_HEADER
}
