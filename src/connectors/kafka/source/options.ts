// Options of kafkaSource, checked.

import { z } from 'zod'
import { MillraceError } from '../../../errors.ts'
import { parseOptions } from '../../cdc/parse-options.ts'
import {
  type ConnectionSettings,
  connectionFields,
  connectionSettings,
  type KafkaConnectionOptions,
} from '../connection.ts'
import type { ReadFormat } from '../formats/format.ts'
import { records } from '../formats/records.ts'
import { type TopicSelection, topicSelection } from './topic-selection.ts'

const CONNECTOR = 'kafkaSource'

/** Offsets by topic and partition. */
export type OffsetsByPartition = Readonly<Record<string, Readonly<Record<number, number>>>>

/** Where a job that starts afresh begins. */
export type KafkaStartup =
  | 'earliest'
  | 'latest'
  /** Behind what the group `groupId` has committed; partitions without: at their earliest record, or as `committedOr` says. */
  | 'committed'
  | { readonly committedOr: 'earliest' | 'latest' | 'fail' }
  /** The first record of that time or later; in a partition without one, its end. */
  | { readonly timestampMs: number }
  /** The offset of the first record wanted. Partitions that are not named begin at `otherwise`, default earliest. */
  | { readonly offsets: OffsetsByPartition; readonly otherwise?: 'earliest' | 'latest' }

/** Where a bounded source ends. */
export type KafkaBound =
  /** What is there at the start. */
  | 'latest'
  /** Before the first record of that time or later. */
  | { readonly timestampMs: number }
  /** Before these offsets, for which it waits. Partitions that are not named end where they end at the start. */
  | { readonly offsets: OffsetsByPartition }

/** Options of kafkaSource. */
export interface KafkaSourceOptions<T> extends KafkaConnectionOptions {
  /**
   * A topic, or several: names in which `*` stands for any characters and `?` for one; `!name` leaves one out. Internal topics are meant
   * only when named. Or the partitions to read, by topic: `{ orders: [0, 1] }`.
   */
  readonly topics: string | readonly string[] | Readonly<Record<string, readonly number[]>>
  /** What a record is read as. Default `records()`: a KafkaRecord, with bytes for key and value. */
  readonly format?: ReadFormat<T>
  /** Default `earliest`. What is found later is read from its earliest record on. */
  readonly startup?: KafkaStartup
  /** Default: none in stream mode, `latest` in batch mode. */
  readonly bounded?: KafkaBound
  /** Where positions are committed to, for others to see, once a checkpoint has them; they are not read back but with `startup: 'committed'`. */
  readonly groupId?: string
  /** Default `read_committed`: nothing of transactions that were aborted, or are not ended yet. */
  readonly isolation?: 'read_committed' | 'read_uncommitted'
  /** `record` (default): records have the time their topic has them under, unless the watermark strategy has timestampOf. */
  readonly timestamps?: 'record' | 'none'
  /** How often to look for new topics and partitions; 0: never. Default 10,000. */
  readonly discoveryIntervalMs?: number
  /** What becomes of a record that the format cannot read: the job fails (default), or it is written to a topic, made if missing. */
  readonly undecodable?: 'fail' | { readonly deadLetterTopic: string }
  /** How much a broker may send in one answer. One record batch may be larger. Default 8 MiB. */
  readonly fetchBytesMax?: number
  /** How much each subtask holds that is not read yet. One record batch of each partition may be larger. Default 16 MiB. */
  readonly bufferBytesMax?: number
}

/** Options of kafkaSource, complete. */
export interface KafkaSourceSettings<T> {
  readonly connection: ConnectionSettings
  readonly topics: TopicSelection
  readonly format: ReadFormat<T>
  /** Values are the records themselves. */
  readonly raw: boolean
  readonly startup: KafkaStartup
  readonly bounded: KafkaBound | undefined
  readonly groupId: string | undefined
  readonly isolation: 'read_committed' | 'read_uncommitted'
  readonly timestamps: boolean
  /** 0: never. */
  readonly discoveryIntervalMs: number
  readonly deadLetterTopic: string | undefined
  readonly fetchBytesMax: number
  readonly bufferBytesMax: number
}

const PARTITION = /^(0|[1-9]\d{0,8})$/

const offsets = z.record(
  z.string().min(1),
  z.record(z.string().regex(PARTITION, { error: 'expected the number of a partition' }), z.int().min(0)),
)
const timestampMs = z.int().min(0)
const name = z.string().min(1)

const schema = z.strictObject({
  ...connectionFields,
  topics: z.union([name, z.array(name).min(1), z.record(name, z.array(z.int().min(0)).min(1))], {
    error: "expected a topic, ['topic', 'shop.*', '!shop.old'], or { topic: [partition, …] }",
  }),
  format: z
    .custom<ReadFormat<unknown>>((value) => typeof (value as ReadFormat<unknown> | null)?.read === 'function', {
      error: 'expected a format, such as json()',
    })
    .optional(),
  startup: z
    .union(
      [
        z.enum(['earliest', 'latest', 'committed']),
        z.strictObject({ committedOr: z.enum(['earliest', 'latest', 'fail']) }),
        z.strictObject({ timestampMs }),
        z.strictObject({ offsets, otherwise: z.enum(['earliest', 'latest']).default('earliest') }),
      ],
      {
        error:
          "expected 'earliest', 'latest', 'committed', { committedOr }, { timestampMs } or { offsets: { topic: { 0: 123 } }, otherwise }",
      },
    )
    .default('earliest'),
  bounded: z
    .union([z.literal('latest'), z.strictObject({ timestampMs }), z.strictObject({ offsets })], {
      error: "expected 'latest', { timestampMs } or { offsets: { topic: { 0: 123 } } }",
    })
    .optional(),
  groupId: name.optional(),
  isolation: z.enum(['read_committed', 'read_uncommitted']).default('read_committed'),
  timestamps: z.enum(['record', 'none']).default('record'),
  discoveryIntervalMs: z.number().min(0).default(10_000),
  undecodable: z
    .union([z.literal('fail'), z.strictObject({ deadLetterTopic: name })], {
      error: "expected 'fail' or { deadLetterTopic: 'name' }",
    })
    .default('fail'),
  fetchBytesMax: z
    .int()
    .min(1)
    .default(8 << 20),
  bufferBytesMax: z
    .int()
    .min(1)
    .default(16 << 20),
})

/** Fills in defaults. Throws CONNECTOR_OPTION. */
export function sourceSettings<T>(options: KafkaSourceOptions<T>): KafkaSourceSettings<T> {
  const parsed = parseOptions(schema, options, CONNECTOR)
  const { groupId, startup, undecodable } = parsed
  const needsGroup = startup === 'committed' || (typeof startup === 'object' && 'committedOr' in startup)
  if (needsGroup && groupId === undefined) throw wrong('groupId', 'startup at what is committed needs the group')
  const deadLetterTopic = undecodable === 'fail' ? undefined : undecodable.deadLetterTopic
  return {
    connection: connectionSettings(parsed, CONNECTOR),
    topics: topicSelection(parsed.topics, deadLetterTopic, wrong),
    // Without a format T is KafkaRecord.
    format: (parsed.format ?? records()) as ReadFormat<T>,
    raw: parsed.format === undefined,
    startup: startup as KafkaStartup,
    bounded: parsed.bounded,
    groupId,
    isolation: parsed.isolation,
    timestamps: parsed.timestamps === 'record',
    discoveryIntervalMs: parsed.discoveryIntervalMs,
    deadLetterTopic,
    fetchBytesMax: parsed.fetchBytesMax,
    bufferBytesMax: parsed.bufferBytesMax,
  }
}

/** A batch run that no bound was given for: it ends where partitions end, and the next one goes on from there. */
export function endsWithBatch(
  { bounded }: { readonly bounded: unknown },
  { mode }: { readonly mode: string },
): boolean {
  return bounded === undefined && mode === 'batch'
}

/** What is wrong with an option. */
export function wrong(path: string, reason: string): MillraceError {
  return new MillraceError('CONNECTOR_OPTION', { path, connector: CONNECTOR, reason })
}
