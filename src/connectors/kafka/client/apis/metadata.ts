import type { KafkaApi } from '../api.ts'
import type { WireReader } from '../wire.ts'

export interface MetadataRequest {
  /** Null: all that the principal may see. */
  readonly topics: readonly string[] | null
  /** Also what the principal may do with each topic. */
  readonly operations?: boolean
}

export interface BrokerMetadata {
  readonly id: number
  readonly host: string
  readonly port: number
}

export interface PartitionMetadata {
  readonly error: number
  readonly partition: number
  /** -1: there is none at present. */
  readonly leader: number
  readonly replicas: readonly number[]
  readonly inSync: readonly number[]
}

export interface TopicMetadata {
  readonly error: number
  readonly name: string
  /** In hexadecimal; zeros where there is none. */
  readonly id: string
  readonly internal: boolean
  readonly partitions: readonly PartitionMetadata[]
  /** A bit for each operation (see operations.ts); -2147483648 where not asked for. */
  readonly operations: number
}

export interface MetadataAnswer {
  readonly brokers: readonly BrokerMetadata[]
  readonly clusterId: string | null
  readonly controller: number
  readonly topics: readonly TopicMetadata[]
}

const NO_ID = Buffer.alloc(16)

/** Brokers, topics, partitions and their leaders. Never creates a topic. */
export const metadata: KafkaApi<MetadataRequest, MetadataAnswer> = {
  key: 3,
  name: 'Metadata',
  min: 10,
  max: 12,
  flexible: 9,
  encode({ topics, operations = false }, version, out) {
    out.compactArray(topics, (name) => {
      out.raw(NO_ID)
      out.compactString(name)
      out.tags()
    })
    out.bool(false)
    if (version < 11) out.bool(false)
    out.bool(operations)
    out.tags()
  },
  decode(answer, version) {
    answer.throttle()
    const brokers = answer.compactArray(broker)
    const clusterId = answer.compactNullableString()
    const controller = answer.int32()
    const topics = answer.compactArray(topic)
    if (version < 11) answer.int32()
    answer.tags()
    return { brokers, clusterId, controller, topics }
  },
}

function broker(answer: WireReader): BrokerMetadata {
  const read = { id: answer.int32(), host: answer.compactString(), port: answer.int32() }
  answer.compactNullableString()
  answer.tags()
  return read
}

function topic(answer: WireReader): TopicMetadata {
  const read = {
    error: answer.int16(),
    name: answer.compactNullableString() ?? '',
    id: answer.uuid(),
    internal: answer.bool(),
    partitions: answer.compactArray(partition),
    operations: answer.int32(),
  }
  answer.tags()
  return read
}

function partition(answer: WireReader): PartitionMetadata {
  const error = answer.int16()
  const index = answer.int32()
  const leader = answer.int32()
  answer.int32()
  const replicas = answer.compactArray(int32)
  const inSync = answer.compactArray(int32)
  answer.compactArray(int32)
  answer.tags()
  return { error, partition: index, leader, replicas, inSync }
}

function int32(answer: WireReader): number {
  return answer.int32()
}
