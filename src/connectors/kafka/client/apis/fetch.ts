// Fetch: record batches of partitions, from their leader on.
//
// request  => replica_id max_wait_ms min_bytes max_bytes isolation_level session_id session_epoch [topics] [forgotten] rack_id
// topics   => topic (v12) | topic_id (v13)  [partition leader_epoch fetch_offset last_fetched_epoch log_start_offset max_bytes]
// answer   => throttle_time_ms error_code session_id [topics]
// topics   => topic (v12) | topic_id (v13)  [partition error_code high_watermark last_stable_offset log_start_offset
//             [producer_id first_offset] preferred_read_replica records  tag 0: diverging_epoch => epoch end_offset]

import type { AbortedTransaction } from '../../records/aborted-producers.ts'
import type { KafkaApi } from '../api.ts'
import type { WireReader, WireWriter } from '../wire.ts'

/** What is asked of one partition. */
export interface FetchPartition {
  readonly partition: number
  readonly offset: number
  /** Of the last record before `offset`; -1 if that is not known. With it the broker tells when its log has another past. */
  readonly lastEpoch: number
  readonly bytesMax: number
}

/** What is asked of one topic. */
export interface FetchTopic {
  readonly name: string
  /** Sent instead of the name where both sides can. */
  readonly id: string | null
  readonly partitions: readonly FetchPartition[]
}

/** One request, without a session. */
export interface FetchRequest {
  readonly waitMs: number
  readonly bytesMax: number
  readonly readCommitted: boolean
  readonly topics: readonly FetchTopic[]
}

/** What a broker has of one partition. */
export interface FetchedPartition {
  /** Its name, or its id if that was asked for. */
  readonly topic: string
  readonly partition: number
  readonly error: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly aborted: readonly AbortedTransaction[]
  /** A view of the answer; null for none. */
  readonly records: Buffer | null
  /** The partition's log before the offset asked for is not the one read: it has this end in the epoch asked for. */
  readonly divergesAt: number | undefined
}

/** An answer; `error` is of the whole request. */
export interface FetchAnswer {
  readonly throttleMs: number
  readonly error: number
  readonly partitions: readonly FetchedPartition[]
}

const NO_SESSION = 0
const NO_SESSION_EPOCH = -1
const CONSUMER = -1
const UNKNOWN = -1
const DIVERGING_EPOCH = 0
const FIRST_WITH_IDS = 13

/** By topic id where the broker can, so that a topic made anew is never taken for the one of that name before. */
export const fetchApi = fetchUpTo(FIRST_WITH_IDS)

/** By topic name: for brokers whose topics have no ids. */
export const fetchByNameApi = fetchUpTo(FIRST_WITH_IDS - 1)

function fetchUpTo(max: number): KafkaApi<FetchRequest, FetchAnswer> {
  return { key: 1, name: 'Fetch', min: 12, max, flexible: 12, encode, decode }
}

function encode(request: FetchRequest, version: number, out: WireWriter): void {
  out.int32(CONSUMER)
  out.int32(request.waitMs)
  out.int32(1)
  out.int32(request.bytesMax)
  out.int8(request.readCommitted ? 1 : 0)
  out.int32(NO_SESSION)
  out.int32(NO_SESSION_EPOCH)
  out.compactArray(request.topics, (topic) => {
    if (version < FIRST_WITH_IDS) out.compactString(topic.name)
    else out.raw(Buffer.from(topic.id ?? '', 'hex'))
    out.compactArray(topic.partitions, encodePartition)
    out.tags()
  })
  out.compactArray([], () => {})
  out.compactString('')
  out.tags()
}

function encodePartition({ partition, offset, lastEpoch, bytesMax }: FetchPartition, out: WireWriter): void {
  out.int32(partition)
  out.int32(UNKNOWN)
  out.int64(offset)
  out.int32(lastEpoch)
  out.int64(UNKNOWN)
  out.int32(bytesMax)
  out.tags()
}

function decode(answer: WireReader, version: number): FetchAnswer {
  const throttleMs = answer.throttle()
  const error = answer.int16()
  answer.int32()
  const partitions: FetchedPartition[] = []
  answer.compactArray(() => {
    const topic = version < FIRST_WITH_IDS ? answer.compactString() : answer.uuid()
    answer.compactArray(() => {
      partitions.push(decodePartition(topic, answer))
    })
    answer.tags()
  })
  answer.tags()
  return { throttleMs, error, partitions }
}

function decodePartition(topic: string, answer: WireReader): FetchedPartition {
  const partition = answer.int32()
  const error = answer.int16()
  const highWatermark = answer.int64()
  const lastStableOffset = answer.int64()
  answer.int64()
  const aborted = answer.compactArray(() => {
    const transaction = { producerId: answer.int64(), firstOffset: answer.int64() }
    answer.tags()
    return transaction
  })
  answer.int32()
  const records = answer.compactBytes()
  let divergesAt: number | undefined
  answer.tags((tag, field) => {
    if (tag !== DIVERGING_EPOCH) return
    field.int32()
    divergesAt = field.int64()
  })
  return { topic, partition, error, highWatermark, lastStableOffset, aborted, records, divergesAt }
}
