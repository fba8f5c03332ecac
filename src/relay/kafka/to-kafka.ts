// toKafka: what a relay brought of another cluster, into this one.

import { z } from 'zod'
import type { Stream } from '../../api/streams.ts'
import { parseOptions } from '../../connectors/cdc/parse-options.ts'
import { connectionFields, connectionSettings, type KafkaConnectionOptions } from '../../connectors/kafka/connection.ts'
import type { WrittenRecord } from '../../connectors/kafka/formats/format.ts'
import { type KafkaSinkOptions, kafkaSink } from '../../connectors/kafka/index.ts'
import { topicOf } from '../../connectors/kafka/sink/topic-names.ts'
import type { EpochSinkFunction } from '../../contract/sink-function.ts'
import type { RelayedKafka } from './relayed-kafka.ts'
import { RelayedSink } from './relayed-sink.ts'
import { GROUP_OFFSETS_TOPIC, siteName } from './sites.ts'
import type { TargetTopicCreation } from './target-topics.ts'

const CONNECTOR = 'toKafka'

/** What is written to a cluster, and how. `bufferBytes` is 8,388,608 by default. */
export interface ToKafkaOptions
  extends KafkaConnectionOptions,
    Pick<
      KafkaSinkOptions<WrittenRecord>,
      'compression' | 'batchBytes' | 'lingerMs' | 'bufferBytes' | 'transactionTimeoutMs' | 'transactionalIdPrefix'
    > {
  /** The name of the site that this cluster is at: records that have been here are dropped. */
  readonly site: string
  /** What topics are called here, by patterns of what they are called there: `{ '*': 'paris.*' }`; the first that fits counts. Default: the same. */
  readonly topics?: Readonly<Record<string, string>>
  /**
   * Topics that are missing are made, and given partitions, as there are at the source (default). `false`: that is an error.
   * `config` comes before what the source's topics are set to.
   */
  readonly create?: boolean | TargetTopicCreation
  /**
   * Each record tells where it comes from, in the headers `millrace-offset` and `millrace-sites` behind its own (default). Without them
   * groups cannot fail over, and relays in both directions go round for ever; those that earlier relays added are taken away.
   */
  readonly originHeaders?: boolean
  /** Where offsets of the source's groups are kept; made if it is not there. Default `millrace-group-offsets`. */
  readonly groupOffsetsTopic?: string
  /** Must be that of the stream: order is kept from subtask to subtask. Default: the job's. */
  readonly parallelism?: number
}

const schema = z.strictObject({
  ...connectionFields,
  // These are kafkaSink's, which checks them.
  compression: z.any().optional(),
  batchBytes: z.any().optional(),
  lingerMs: z.any().optional(),
  bufferBytes: z.any().optional(),
  transactionTimeoutMs: z.any().optional(),
  transactionalIdPrefix: z.any().optional(),
  site: siteName,
  topics: z.record(z.string().min(1), z.string().min(1)).optional(),
  create: z
    .union([
      z.boolean(),
      z.strictObject({
        replication: z.int().min(1).optional(),
        config: z.record(z.string(), z.string()).optional(),
      }),
    ])
    .default(true),
  originHeaders: z.boolean().default(true),
  groupOffsetsTopic: z.string().min(1).default(GROUP_OFFSETS_TOPIC),
  parallelism: z.int().min(1).optional(),
})

/**
 * Ends a stream that fromKafka began, here or at the other end of a relay, in a cluster: topics are made as they are there, records keep
 * partition, key, value, headers and time, each once, in order. The stream must come from a node of the same parallelism. Throws
 * CONNECTOR_OPTION.
 */
export function toKafka(stream: Stream<RelayedKafka>, name: string, options: ToKafkaOptions): void {
  const { site, topics, create, originHeaders, groupOffsetsTopic, parallelism, ...rest } = parseOptions(
    schema,
    options,
    CONNECTOR,
  )
  const named = topicOf<RelayedKafka>(topics)
  const settings = {
    site,
    connection: connectionSettings(rest, CONNECTOR),
    nameOf: (topic: string): string => named(NO_VALUE, { topic, value: null }) ?? topic,
    create: create === false ? undefined : create === true ? {} : (create as TargetTopicCreation),
    originHeaders,
    groupOffsetsTopic,
  }
  const make = (): RelayedSink => new RelayedSink(inner(options), settings)
  stream.to(name, make, parallelism === undefined ? {} : { parallelism })
}

/** A quarter of kafkaSink's: an end of a relay is to be small, and this writes as fast. */
const BUFFER_BYTES = 8 << 20

/** Patterns are of the topic alone. */
const NO_VALUE = undefined as never

function inner(options: ToKafkaOptions): EpochSinkFunction<WrittenRecord> {
  const {
    site: _,
    topics: _t,
    create: _c,
    originHeaders: _o,
    groupOffsetsTopic: _g,
    parallelism: _p,
    ...rest
  } = options
  // Exactly-once, which is its default, is by epochs.
  return kafkaSink<WrittenRecord>({ bufferBytes: BUFFER_BYTES, ...rest }) as EpochSinkFunction<WrittenRecord>
}
