// What goes from one cluster to another: records as they lie in their partitions, and between them what is said about topics and groups.

import { z } from 'zod'
import type { KafkaRecord } from '../../connectors/kafka/index.ts'
import { reasonOf } from '../../errors.ts'
import { hashKey } from '../../util/key-group.ts'

/**
 * A record of a cluster on its way to another, with the place it has there; or a notice, told by isNotice. Buffers may be
 * views of a larger one.
 */
export interface RelayedKafka extends KafkaRecord {
  /** The site that sent it. */
  readonly site: string
}

/** A topic of the source, before its first record and whenever it has more partitions. */
export interface TopicNotice {
  readonly kind: 'topic'
  readonly topic: string
  readonly partitions: number
  /** What the topic itself is set to, of that which a copy should be set to as well. */
  readonly config: Readonly<Record<string, string>>
}

/** What a consumer group of the source has committed for a topic. */
export interface GroupNotice {
  readonly kind: 'group'
  readonly group: string
  readonly topic: string
  readonly offsets: readonly (readonly [partition: number, offset: number])[]
  /** When it was asked for, by the sender's clock. */
  readonly atMs: number
}

/** See RelayedKafka. */
export type Notice = TopicNotice | GroupNotice

const NOTICE = -1
const NO_HEADERS: RelayedKafka['headers'] = []

/** The record that carries a notice. */
export function noticeRecord(site: string, notice: Notice): RelayedKafka {
  const value = Buffer.from(JSON.stringify(notice))
  const { topic } = notice
  return { topic, partition: NOTICE, offset: 0, timestampMs: 0, key: null, value, headers: NO_HEADERS, site }
}

/** Whether a record carries a notice, and lies in no partition. */
export function isNotice({ partition }: RelayedKafka): boolean {
  return partition === NOTICE
}

const place = { topic: z.string().min(1), partition: z.int().min(0), offset: z.int().min(0) }
const noticeShape = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('topic'),
    topic: place.topic,
    partitions: z.int().min(1).max(1_000_000),
    config: z.record(z.string(), z.string()),
  }),
  z.object({
    kind: z.literal('group'),
    group: z.string(),
    topic: place.topic,
    offsets: z.array(z.tuple([place.partition, place.offset])),
    atMs: z.number(),
  }),
])

/** The notice that a record carries. Throws Error where there is none that this release knows. */
export function noticeOf({ site, topic, value }: RelayedKafka): Notice {
  try {
    return noticeShape.parse(JSON.parse(String(value)))
  } catch (error) {
    throw new Error(`site "${site}" has sent a notice of topic "${topic}" that cannot be read: ${reasonOf(error)}`)
  }
}

/** For the option `stream` of relaySink: a stream for each topic, in which all that concerns it is in order. */
export function byTopic({ topic }: RelayedKafka): string {
  return topic
}

/** As byTopic for clusters of many topics: `count` streams, each of the topics whose names hash to it. Throws RangeError. */
export function byTopicHash(count: number): (record: RelayedKafka) => string {
  if (!Number.isInteger(count) || count < 1 || count > 1000) throw new RangeError('expected 1 to 1,000 streams')
  const known = new Map<string, string>()
  return ({ topic }) => {
    const name = known.get(topic) ?? `topics-${hashKey(topic) % count}`
    known.set(topic, name)
    return name
  }
}
