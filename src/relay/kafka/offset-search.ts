// Where a group of another site goes on here: the origin offsets of a site's records rise within a partition.

import type { KafkaRecord } from '../../connectors/kafka/index.ts'
import { originOf } from './origin-headers.ts'

/** A partition of the target, to be searched. */
export interface SearchedPartition {
  /** The first offset there is, and the one behind the last that may be read. */
  readonly first: number
  readonly end: number
  /** Records at `from` and behind it, in order, before `end`. */
  read(from: number, end: number): AsyncIterable<KafkaRecord>
}

/** Where to go on. */
export interface FoundOffset {
  /** Of the first record here whose origin is at the offset searched for or behind it; the partition's end if there is none. */
  readonly offset: number
  /** Offsets of the origin before the one searched for that are not here yet; null where no record of the site is here. */
  readonly missing: number | null
}

/** Binary search. `site` sent the records; others in the partition are passed over. Throws what read() throws. */
export async function findOffset(partition: SearchedPartition, site: string, wanted: number): Promise<FoundOffset> {
  let low = partition.first
  let high = partition.end
  let found: number | undefined
  let before: number | undefined
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const probe = await firstOf(partition.read(middle, high), site)
    if (probe === undefined) high = middle
    else if (probe.origin >= wanted) {
      found = probe.offset
      high = middle
    } else {
      before = probe.origin
      low = probe.offset + 1
    }
  }
  if (found !== undefined) return { offset: found, missing: 0 }
  // The search went right last, so this is the site's last record.
  return { offset: partition.end, missing: before === undefined ? null : Math.max(0, wanted - before - 1) }
}

async function firstOf(
  records: AsyncIterable<KafkaRecord>,
  site: string,
): Promise<{ readonly offset: number; readonly origin: number } | undefined> {
  for await (const { headers, offset } of records) {
    const origin = originOf(headers)
    if (origin?.site === site) return { offset, origin: origin.offset }
  }
  return undefined
}
