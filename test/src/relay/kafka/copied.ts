// What tests of copies have in common: records of every sort, and whether they are there.

import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import type { ReadRecord, TestBroker } from '../../../support/kafka-servers.ts'

/** One hour ago: retention leaves them. */
const T = Date.now() - 3_600_000

/** Writes records with and without keys, values and headers, to the partitions that there are, in turn. */
export async function produceAll(broker: TestBroker, topic: string, count: number, from = 0): Promise<void> {
  const partitions = await partitionsOf(broker, topic)
  const messages = Array.from({ length: count }, (_, index) => {
    const i = from + index
    return {
      partition: i % partitions,
      key: i % 5 === 0 ? null : i % 5 === 1 ? '' : `k${i % 7}`,
      value: i % 4 === 0 ? null : i % 4 === 1 ? '' : `v${i}`,
      timestamp: String(T + ((i * 37) % 1000)),
      headers: { n: `${i}`, ...(i % 3 === 0 && { one: ['1', 'twice'], ü: Buffer.from([0, 255]) }) },
    }
  })
  await broker.produce(topic, messages)
}

/** What is compared: a topic, and what it is called where it was copied to. */
export interface Copied {
  readonly from: TestBroker
  readonly topic: string
  readonly to: TestBroker
  readonly target: string
}

/** How many records there are there, of a reader that is not ours; throws unless they are the first of the original, partition by partition. */
export async function copied({ from, topic, to, target }: Copied): Promise<number> {
  const there = await to.readEnded(target).catch(() => [])
  const original = await from.readEnded(topic)
  const [here, copies] = [byPartition(original), byPartition(there)]
  for (const [partition, records] of copies)
    expect(records, `partition ${partition} of ${target}`).toEqual(here.get(partition)?.slice(0, records.length))
  return there.length
}

/** Each record without its place, and where it comes from. */
function byPartition(records: readonly ReadRecord[]): Map<number, unknown[]> {
  const partitions = new Map<number, unknown[]>()
  for (const record of records) {
    const known = partitions.get(record.partition) ?? []
    known.push(withoutOrigin(record))
    partitions.set(record.partition, known)
  }
  return partitions
}

function withoutOrigin({ offset: _, headers, ...record }: ReadRecord): unknown {
  const { 'millrace-offset': _o, 'millrace-sites': _s, ...own } = headers
  const { value } = record
  // Large buffers are compared byte by byte.
  const digest = value === null || value.length < 1000 ? value : createHash('sha256').update(value).digest('hex')
  return { ...record, value: digest, headers: own }
}

/** How many partitions a topic has. */
export async function partitionsOf(broker: TestBroker, topic: string): Promise<number> {
  const admin = broker.kafka.admin()
  await admin.connect()
  try {
    return (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions.length ?? 0
  } finally {
    await admin.disconnect()
  }
}
