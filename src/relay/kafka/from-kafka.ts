// fromKafka: topics of a cluster, on their way to another one.

import { z } from 'zod'
import type { Flow, Stream } from '../../api/streams.ts'
import { parseOptions } from '../../connectors/cdc/parse-options.ts'
import { tablePattern } from '../../connectors/cdc/table-pattern.ts'
import { connectionFields, connectionSettings, type KafkaConnectionOptions } from '../../connectors/kafka/connection.ts'
import { type KafkaSourceOptions, kafkaSource } from '../../connectors/kafka/index.ts'
import { topicSelection } from '../../connectors/kafka/source/topic-selection.ts'
import { MillraceError } from '../../errors.ts'
import type { RelayedKafka } from './relayed-kafka.ts'
import { RelayedSource } from './relayed-source.ts'
import { OWN_TOPICS, siteName } from './sites.ts'

const CONNECTOR = 'fromKafka'

/** What is read of a cluster, and by whom. `fetchBytesMax` and `bufferBytesMax` are half of kafkaSource's by default. */
export interface FromKafkaOptions
  extends KafkaConnectionOptions,
    Pick<
      KafkaSourceOptions<RelayedKafka>,
      'startup' | 'bounded' | 'groupId' | 'isolation' | 'discoveryIntervalMs' | 'fetchBytesMax' | 'bufferBytesMax'
    > {
  /** The name of the site that this cluster is at: the one that relaySink has. */
  readonly site: string
  /** Topics, as kafkaSource takes them; patterns do not mean the relay's own topics (millrace-markers, millrace-group-offsets). */
  readonly topics: string | readonly string[]
  /** The sites at the other ends: records that have been at all of them are left out. Default: none, which the other ends drop. */
  readonly targets?: readonly string[]
  /** Consumer groups whose offsets are told to the other ends: names, `*` and `?` stand for any characters, `!` leaves out. Default: none. */
  readonly groups?: string | readonly string[]
  /** How often their offsets are looked at. Default 10,000. */
  readonly groupsIntervalMs?: number
  /** Subtasks that read. Default: the job's. What is put between this and the end must have the same, or order is lost. */
  readonly parallelism?: number
}

/** Half of kafkaSource's: the queue behind it waits for nothing, and an end of a relay is to be small. */
const READ_AHEAD = { fetchBytesMax: 4 << 20, bufferBytesMax: 8 << 20 }

const text = z.string().min(1)
const texts = z.union([text, z.array(text).min(1)], { error: "expected 'name' or ['name', 'shop.*', '!shop.old']" })
/** The source's own options are checked by it. */
const theSources = {
  startup: z.any().optional(),
  bounded: z.any().optional(),
  groupId: z.any().optional(),
  isolation: z.any().optional(),
  discoveryIntervalMs: z.any().optional(),
  fetchBytesMax: z.any().optional(),
  bufferBytesMax: z.any().optional(),
}

const schema = z.strictObject({
  ...connectionFields,
  ...theSources,
  site: siteName,
  topics: texts,
  targets: z.array(siteName).default([]),
  groups: texts.optional(),
  groupsIntervalMs: z.int().min(100).default(10_000),
  parallelism: z.int().min(1).optional(),
})

/**
 * Adds a source of the topics' records, each with its place in the cluster, and of notices: a topic's before its first record, offsets of
 * groups as they are committed. To be followed by relaySink with codec `kafkaRecords` and stream `byTopic`, or by toKafka. Records of a
 * partition are in order. Throws CONNECTOR_OPTION.
 */
export function fromKafka(flow: Flow, name: string, options: FromKafkaOptions): Stream<RelayedKafka> {
  const { site, targets, groups, groupsIntervalMs, parallelism, ...rest } = parseOptions(schema, options, CONNECTOR)
  const topics = readTopics([rest.topics].flat())
  const { topics: _, ...source } = options
  const inner = kafkaSource({ ...READ_AHEAD, ...sourceOptions(source), topics, timestamps: 'none' })
  const { matches } = topicSelection(topics, undefined, wrong)
  const isGroup = groups === undefined ? undefined : tablePattern([groups].flat(), CONNECTOR)
  const relayed = new RelayedSource(inner, {
    site,
    targets,
    connection: connectionSettings(rest, CONNECTOR),
    isTopic: (topic) => matches({ name: topic, internal: false }),
    groups: isGroup === undefined ? undefined : { isGroup, intervalMs: groupsIntervalMs },
  })
  return flow.from(name, relayed, parallelism === undefined ? {} : { parallelism })
}

/** Patterns that mean all of a cluster do not mean what relays themselves keep there. */
function readTopics(topics: readonly string[]): string[] {
  const hasPatterns = topics.some((topic) => /[*?]/.test(topic))
  const own = OWN_TOPICS.filter((topic) => !topics.includes(topic))
  return hasPatterns ? [...topics, ...own.map((topic) => `!${topic}`)] : [...topics]
}

/** What kafkaSource takes of them. */
function sourceOptions(
  options: Omit<FromKafkaOptions, 'topics'>,
): Omit<KafkaSourceOptions<never>, 'topics' | 'format'> {
  const { site: _, targets: _t, groups: _g, groupsIntervalMs: _i, parallelism: _p, ...source } = options
  return source
}

function wrong(path: string, reason: string): MillraceError {
  return new MillraceError('CONNECTOR_OPTION', { path, connector: CONNECTOR, reason })
}
