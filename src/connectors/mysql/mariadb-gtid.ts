// MariadbGtids: a MariaDB GTID position, the last transaction of each replication domain, as `0-1-1234,1-3-45`.
//
// Owns: one GTID (domain-server-number) for each domain.
//
// I1. Within a domain the log has one order, and numbers grow in it (gtid_strict_mode): whatever has a number at or below the domain's is in it.

import { MillraceError } from '../../errors.ts'
import type { Gtids } from './gtid-set.ts'

interface Gtid {
  readonly domain: number
  readonly number: number
  readonly text: string
}

export class MariadbGtids implements Gtids {
  readonly #domains = new Map<number, Gtid>()
  #text: string | undefined

  /** White space is left out. Throws SOURCE_FAILED. */
  static parse(text: string): MariadbGtids {
    const gtids = new MariadbGtids()
    for (const one of text.replaceAll(/\s/g, '').split(',')) {
      if (one === '') continue
      const { domain } = parse(one, text)
      if (gtids.#domains.has(domain)) throw notGtids(text)
      gtids.add(one)
    }
    return gtids
  }

  get isEmpty(): boolean {
    return this.#domains.size === 0
  }

  add(gtid: string): void {
    const one = parse(gtid, gtid)
    this.#domains.set(one.domain, one)
    this.#text = undefined
  }

  contains(gtid: string): boolean {
    return this.#has(parse(gtid, gtid))
  }

  within(other: MariadbGtids): boolean {
    for (const one of this.#domains.values()) if (!other.#has(one)) return false
    return true
  }

  /** By domain. */
  toString(): string {
    this.#text ??= [...this.#domains.values()]
      .sort((a, b) => a.domain - b.domain)
      .map(({ text }) => text)
      .join(',')
    return this.#text
  }

  #has({ domain, number }: Gtid): boolean {
    const last = this.#domains.get(domain)
    return last !== undefined && number <= last.number
  }
}

const GTID = /^(\d+)-(\d+)-(\d+)$/

function parse(text: string, whole: string): Gtid {
  const parts = GTID.exec(text)
  const [domain, server, number] = [Number(parts?.[1]), Number(parts?.[2]), Number(parts?.[3])]
  // Numbers are of 64 bits on the server; one beyond 2^53 would take a century of 2.8 million transactions a second.
  if (!Number.isSafeInteger(number) || number < 1 || domain > 0xffffffff || server > 0xffffffff) throw notGtids(whole)
  return { domain, number, text: `${domain}-${server}-${number}` }
}

function notGtids(text: string): MillraceError {
  const reason = `"${text}" is not a GTID position: expected domain-server-number for each domain, joined by commas`
  return new MillraceError('SOURCE_FAILED', { node: '?', reason })
}
