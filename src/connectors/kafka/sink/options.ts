// Options of kafkaSink, checked.

import { z } from 'zod'
import { MillraceError } from '../../../errors.ts'
import { parseOptions } from '../../cdc/parse-options.ts'
import {
  type ConnectionSettings,
  connectionFields,
  connectionSettings,
  type KafkaConnectionOptions,
} from '../connection.ts'
import type { WriteFormat, WrittenRecord } from '../formats/format.ts'
import { COMPRESSIONS, type Compression } from '../records/codecs.ts'
import type { RecordShape } from './record-router.ts'
import type { TopicCreation } from './sink-topics.ts'
import { type TopicOption, topicNameFault, topicOf } from './topic-names.ts'

const CONNECTOR = 'kafkaSink'

/** What a Kafka sink may be told. */
export interface KafkaSinkOptions<T> extends KafkaConnectionOptions {
  /**
   * One topic for all; or a function of the value; or, for records that name a topic, patterns: { 'shop.*': 'dw.*' }, in which `*` stands
   * for any characters and the first that fits counts; a topic that none fits stays. Default: the topic that the record names.
   */
  readonly topic?: TopicOption<T>
  /** What makes records of values. Default: the values are records, { key, value, headers, … }, as envelopes of changes are. */
  readonly format?: WriteFormat<T>
  /** The key, instead of the format's. Records of one key stay in order. */
  readonly key?: (value: T) => string | Uint8Array | null
  /** Headers, instead of the format's. */
  readonly headers?: (value: T) => NonNullable<WrittenRecord['headers']>
  /**
   * The timestamp, instead of the record's own or the time of writing. Records older than the topic's `retention.ms` are deleted soon.
   */
  readonly timestampMs?: (value: T) => number
  /** `exactly-once` (default): records show when the checkpoint is complete, to readers of read_committed. `at-least-once`: at once. */
  readonly delivery?: 'exactly-once' | 'at-least-once'
  /** Default `none`. */
  readonly compression?: Compression
  /** Bytes of a record batch before compression at which it is sent. Default 524,288. */
  readonly batchBytes?: number
  /** The longest that a record waits for others while its broker is idle. Default 5. */
  readonly lingerMs?: number
  /** Bytes that may wait to be acknowledged; then the sink waits. Default 33,554,432. */
  readonly bufferBytes?: number
  /** How long a transaction may be open, that is, how long writing one epoch may take. Default: 15 minutes, or the broker's most. */
  readonly transactionTimeoutMs?: number
  /** Begins the transactional ids and names of marker groups: `PREFIX.JOB.NODE.SUBTASK`. Default `millrace`. */
  readonly transactionalIdPrefix?: string
  /** The topic that markers are offsets of, made if it is not there; nothing is written to it. Default: `topic` if it is one, else `millrace-markers`. */
  readonly markerTopic?: string
  /** How to make topics that are not there. Default: false, a missing topic is an error. */
  readonly create?: boolean | TopicCreation
  /** How often to look whether topics got more partitions. Default 60,000. */
  readonly metadataMaxAgeMs?: number
}

/** KafkaSinkOptions, complete. */
export interface SinkSettings<T> {
  readonly connection: ConnectionSettings
  readonly shape: RecordShape<T>
  /** The one topic that all goes to. */
  readonly fixedTopic: string | undefined
  readonly delivery: 'exactly-once' | 'at-least-once'
  readonly compression: Compression
  readonly batchBytes: number
  readonly lingerMs: number
  readonly bufferBytes: number
  readonly transactionTimeoutMs: number | undefined
  readonly transactionalIdPrefix: string
  readonly markerTopic: string | undefined
  readonly create: TopicCreation | undefined
  readonly metadataMaxAgeMs: number
}

const aFunction = <F>(what: string) =>
  z.custom<F>((value) => typeof value === 'function', { error: `expected ${what}` })

const topicName = z.string().refine((name) => topicNameFault(name) === undefined, {
  error: ({ input }) => `"${String(input)}" cannot be the name of a topic: ${topicNameFault(input)}`,
})

const schema = z.strictObject({
  ...connectionFields,
  topic: z
    .union(
      [topicName, aFunction<(value: never) => string>('a function'), z.record(z.string().min(1), z.string().min(1))],
      {
        error: ({ input }) =>
          typeof input === 'string'
            ? `"${input}" cannot be the name of a topic: ${topicNameFault(input)}`
            : "expected a name, a function of the value, or patterns such as { 'shop.*': 'dw.*' }",
      },
    )
    .optional(),
  format: z
    .custom<WriteFormat<never>>((value) => typeof (value as WriteFormat<never> | null)?.write === 'function', {
      error: 'expected a format that writes, such as json()',
    })
    .optional(),
  key: aFunction<(value: never) => string | Uint8Array | null>('a function that gives the key').optional(),
  headers: aFunction<(value: never) => WrittenRecord['headers']>('a function that gives headers').optional(),
  timestampMs: aFunction<(value: never) => number>('a function that gives milliseconds').optional(),
  delivery: z.enum(['exactly-once', 'at-least-once']).default('exactly-once'),
  compression: z.enum(COMPRESSIONS).default('none'),
  batchBytes: z.int().min(1024).max(100_000_000).default(524_288),
  lingerMs: z.number().min(0).default(5),
  bufferBytes: z.int().min(1024).max(67_108_864).default(33_554_432),
  transactionTimeoutMs: z.int().min(1000).optional(),
  transactionalIdPrefix: z.string().min(1).max(100).default('millrace'),
  markerTopic: topicName.optional(),
  create: z
    .union([
      z.boolean(),
      z.strictObject({
        partitions: z.int().min(1).optional(),
        replication: z.int().min(1).optional(),
        config: z.record(z.string(), z.string()).optional(),
      }),
    ])
    .default(false),
  metadataMaxAgeMs: z.int().min(100).default(60_000),
})

/** Fills in defaults. Throws CONNECTOR_OPTION. */
export function parseSinkOptions<T>(options: KafkaSinkOptions<T>): SinkSettings<T> {
  const { topic, format, key, headers, timestampMs, create, ...rest } = parseOptions(schema, options, CONNECTOR)
  if (rest.delivery === 'at-least-once')
    for (const path of ['transactionTimeoutMs', 'markerTopic'] as const)
      if (rest[path] !== undefined) wrong(path, 'only delivery exactly-once has transactions: leave it out')
  return {
    ...rest,
    connection: connectionSettings(rest, CONNECTOR),
    shape: {
      format,
      topicOf: topicOf<T>(topic as TopicOption<T> | undefined),
      key,
      headers,
      timestampMs,
    } as RecordShape<T>,
    fixedTopic: typeof topic === 'string' ? topic : undefined,
    create: create === true ? {} : create === false ? undefined : (create as TopicCreation),
    transactionTimeoutMs: rest.transactionTimeoutMs,
    markerTopic: rest.markerTopic,
  }
}

function wrong(path: string, reason: string): never {
  throw new MillraceError('CONNECTOR_OPTION', { path, connector: CONNECTOR, reason })
}
