// Notices between clusters, through handlers: what they say of a topic holds under its new names.

import type { KafkaRecord } from '../../connectors/kafka/index.ts'
import { noticeOf, noticeRecord, type RelayedKafka } from '../kafka/relayed-kafka.ts'

/** Whether the record is a notice of fromKafka, not one of a partition. */
export function isNotice(record: KafkaRecord): record is RelayedKafka {
  return record.partition < 0
}

/** The notice for each topic that records of its topic may come to be of. */
export function retoldNotice(
  record: RelayedKafka,
  topicsOf: (topic: string) => readonly string[],
): readonly RelayedKafka[] {
  const topics = topicsOf(record.topic)
  if (topics.length === 1 && topics[0] === record.topic) return [record]
  const notice = noticeOf(record)
  return topics.map((topic) => noticeRecord(record.site, { ...notice, topic }))
}
