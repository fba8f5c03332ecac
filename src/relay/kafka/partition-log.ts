import { fetchByNameApi } from '../../connectors/kafka/client/apis/fetch.ts'
import { failureOf } from '../../connectors/kafka/client/failure.ts'
import type { KafkaClient } from '../../connectors/kafka/client/kafka-client.ts'
import { type TopicPartition, throwListed } from '../../connectors/kafka/client/topic-partition.ts'
import type { KafkaRecord } from '../../connectors/kafka/index.ts'
import { openReadCodecs } from '../../connectors/kafka/records/codecs.ts'
import { FetchedRecords } from '../../connectors/kafka/records/fetched-records.ts'

const FETCH_BYTES = 64 << 10
const RECORDS_MAX = 1024
const OFFSET_NOT_AVAILABLE = 78

/**
 * The records of a partition from an offset on, as readers of read_committed see them, up to `end` (exclusive), which must not lie behind
 * the last stable offset. Throws KafkaFailure.
 */
export async function* recordsFrom(
  client: KafkaClient,
  place: TopicPartition,
  from: number,
  end: number,
): AsyncGenerator<KafkaRecord> {
  await openReadCodecs()
  for (let at = from; at < end; ) {
    const { records, position } = await client.retry('Reading records', () => fetchFrom(client, place, at))
    for (const record of records) {
      if (record.offset >= end) return
      yield record
    }
    at = position
  }
}

interface Fetched {
  readonly records: readonly KafkaRecord[]
  readonly position: number
}

async function fetchFrom(client: KafkaClient, place: TopicPartition, offset: number): Promise<Fetched> {
  const { topic, partition } = place
  const leader = await client.leader(topic, partition)
  const partitions = [{ partition, offset, lastEpoch: -1, bytesMax: FETCH_BYTES }]
  const topics = [{ name: topic, id: null, partitions }]
  const request = { waitMs: 0, bytesMax: FETCH_BYTES, readCommitted: true, topics }
  const { partitions: found } = await client.send(leader, fetchByNameApi, request)
  for (const one of found) throwListed(client, one, 'Records')
  const { records: bytes = null, aborted = [] } = found[0] ?? {}
  const fetched = new FetchedRecords(topic, partition, bytes ?? Buffer.alloc(0), offset, aborted)
  const records: KafkaRecord[] = []
  while (fetched.take(RECORDS_MAX, records) > 0) {}
  // There are some before the end: a leader that does not know yet how far it may give is asked again.
  if (fetched.position === offset) throw failureOf(OFFSET_NOT_AVAILABLE, `Records of ${topic}/${partition}`)
  return { records, position: fetched.position }
}
