// syncThroughKafka: tables of one database to any number of targets, through topics of Kafka, as jobs that live and die alone.

import { job } from '../api/job.ts'
import type { Settings } from '../api/settings.ts'
import type { Flow, Stream } from '../api/streams.ts'
import { ChangeSource as ChangeSourceFunction, type ChangeSplit } from '../connectors/cdc/index.ts'
import type { KafkaConnectionOptions } from '../connectors/kafka/connection.ts'
import type { WrittenRecord } from '../connectors/kafka/formats/format.ts'
import { kafkaSink } from '../connectors/kafka/sink/kafka-sink.ts'
import { kafkaSource } from '../connectors/kafka/source/kafka-source.ts'
import type { RuntimeContext } from '../contract/runtime-context.ts'
import type { SourceFunction } from '../contract/source-function.ts'
import { MillraceError } from '../errors.ts'
import type { Job, JobOptions } from '../graph/job.ts'
import type { Change } from '../record/change.ts'
import { ApplySource } from './apply-source.ts'
import type { Condition } from './late-start.ts'
import { type Marked, MarkedSource } from './marked-source.ts'
import { isBegun } from './topic-ends.ts'
import { TopicNames } from './topic-names.ts'
import { ChangesWriter, FullWriter } from './topic-writers.ts'

/** What a sync sets of its change source. Spread them over the connection: `mysqlChanges({ ...server, ...options, rows: 'array' })`. */
export interface SyncSourceOptions {
  readonly tables: string[]
  readonly startup: 'latest' | 'snapshot'
  readonly schemaChanges: true
  readonly discoveryIntervalMs: number
}

/** Where the changes of a sync go: adds a sink, and what has to be before it, to a job of its own. */
export type SyncTarget<Row> = (changes: Stream<Change<Row>>) => void

/** One sync, as its settings say. */
export interface Sync<Row, Target extends string> {
  /** A change source, such as mysqlChanges or sqliteChanges, of what the options say. Called more than once. */
  readonly source: (options: SyncSourceOptions) => SourceFunction<Change<Row>, ChangeSplit>
  /** As in the source's own option. Each pattern is a part that is read in full by itself, in turn with the others. */
  readonly tables: readonly string[]
  /** How often to look for new tables. Default 10,000. */
  readonly discoveryIntervalMs?: number
  readonly kafka: KafkaConnectionOptions
  readonly topics: SyncTopics
  readonly targets: Readonly<Record<Target, SyncTarget<Row>>>
  /** Called at each start of each job, before anything is opened; a throw ends it. */
  readonly onStart?: () => void | Promise<void>
}

/** The topics between. They have one partition each, so that a table's changes stay in order. */
export interface SyncTopics {
  /** PREFIX.DATABASE.TABLE, PREFIX.full.DATABASE.TABLE and PREFIX.sync. */
  readonly prefix: string
  /** Default: the broker's. */
  readonly replication?: number
  /** For topics that are made. Default: kept for ever, which targets that are added or rewound later need. */
  readonly config?: Readonly<Record<string, string>>
}

export interface SyncOptions<Target extends string> {
  /** Names of the targets: each has a job NAME-apply-TARGET. */
  readonly targets: readonly Target[]
  /** Checkpoints and restarts of each job. Default: a checkpoint every 2 s, restarts without limit. */
  readonly incremental?: JobOptions
  readonly full?: JobOptions
  readonly apply?: JobOptions
}

const DEFAULTS: JobOptions = { checkpoint: { intervalMs: 2_000 }, restart: { strategy: 'exponential-delay' } }
const KEPT = { 'retention.ms': '-1', 'retention.bytes': '-1' }
/** How soon a new table's topic is found. */
const TOPIC_DISCOVERY_MS = 2_000
const ONE = { parallelism: 1 } as const

/**
 * The jobs of a sync, for `export default`: NAME-incremental writes every change to a topic of its table; NAME-full writes each table as it is
 * at one place in the log, and ends; NAME-apply-TARGET, for each target, applies a table in full, then its changes from that place on. Each
 * restarts alone; the targets end equal to the source. `plan` is called in each job, and reads the settings of all.
 */
export function syncThroughKafka<Row, Target extends string>(
  name: string,
  options: SyncOptions<Target>,
  plan: (settings: Settings) => Sync<Row, Target>,
): readonly Job[] {
  const define = (
    suffix: string,
    jobOptions: JobOptions | undefined,
    build: (job: SyncJob<Row, Target>) => void,
  ): Job =>
    job(`${name}-${suffix}`, (flow, settings) => build(new SyncJob(flow, settings, plan)), {
      ...DEFAULTS,
      ...jobOptions,
    })
  return [
    define('incremental', options.incremental, (sync) => sync.incremental()),
    define('full', options.full, (sync) => sync.full()),
    ...options.targets.map((target) =>
      define(`apply-${target}`, options.apply, (sync) => sync.apply(target, `${name}-apply-${target}`)),
    ),
  ]
}

/** One job of a sync, while it is built. */
class SyncJob<Row, Target extends string> {
  readonly #flow: Flow
  readonly #plan: Sync<Row, Target>
  readonly #names: TopicNames
  readonly #untilMs: number | undefined
  readonly #empty: boolean

  constructor(flow: Flow, settings: Settings, plan: (settings: Settings) => Sync<Row, Target>) {
    this.#flow = flow
    this.#plan = plan(settings)
    this.#names = new TopicNames(this.#plan.topics.prefix)
    // Every job reads the settings of all, for a run of all is given them all.
    this.#untilMs = timeOf(settings.string('until', ''))
    this.#empty = settings.boolean('empty', false)
    if (this.#plan.onStart !== undefined) flow.onStart(this.#plan.onStart)
  }

  incremental(): void {
    const { tables, discoveryIntervalMs = 10_000 } = this.#plan
    const source = this.#plan.source({
      tables: [...tables],
      startup: 'latest',
      schemaChanges: true,
      discoveryIntervalMs,
    })
    this.#flow
      .from('source', new MarkedSource(source))
      .process('records', () => new ChangesWriter<Row>(this.#names), ONE)
      .to('topics', this.#sink(), ONE)
  }

  full(): void {
    const begun = (context: RuntimeContext): Condition => isBegun(this.#plan.kafka, this.#names, context)
    const parts = partsOf(this.#plan.tables)
    const [first, ...others] = parts.map((tables, index) => {
      const options = {
        tables: [...tables],
        startup: 'snapshot' as const,
        schemaChanges: true as const,
        discoveryIntervalMs: 0,
      }
      const part = { part: index + 1, parts: parts.length }
      return this.#flow
        .from<Marked<Row>>(`source-${part.part}`, new MarkedSource(this.#plan.source(options), begun))
        .process<WrittenRecord>(`records-${part.part}`, () => new FullWriter<Row>(this.#names, part), ONE)
    })
    first?.union('all', ...others).to('topics', this.#sink(), ONE)
  }

  apply(target: Target, groupId: string): void {
    const { kafka, source, tables, targets } = this.#plan
    const origin = source({ tables: [...tables], startup: 'latest', schemaChanges: true, discoveryIntervalMs: 0 })
    if (!(origin instanceof ChangeSourceFunction))
      throw wrong('source', 'expected a change source, such as mysqlChanges()')
    const changes = new ApplySource<Row>({
      topics: kafkaSource({
        ...kafka,
        topics: this.#names.pattern,
        groupId,
        timestamps: 'none',
        discoveryIntervalMs: TOPIC_DISCOVERY_MS,
      }),
      kafka,
      names: this.#names,
      covers: (offset, place) => origin.covers(offset, place),
      untilMs: this.#untilMs,
      empty: this.#empty,
    })
    targets[target](this.#flow.from('topics', changes, ONE))
  }

  #sink() {
    const { kafka, topics } = this.#plan
    const { replication, config = {} } = topics
    return kafkaSink<WrittenRecord>({
      ...kafka,
      // Two syncs of one name are told apart by their topics.
      transactionalIdPrefix: topics.prefix,
      markerTopic: this.#names.control,
      create: { partitions: 1, config: { ...KEPT, ...config }, ...(replication !== undefined && { replication }) },
    })
  }
}

/** One list of patterns for each part: what an earlier part means a later one leaves out. */
export function partsOf(tables: readonly string[]): readonly (readonly string[])[] {
  const wanted = tables.filter((pattern) => !pattern.startsWith('!'))
  const unwanted = tables.filter((pattern) => pattern.startsWith('!'))
  if (wanted.length === 0) return [unwanted]
  return wanted.map((pattern, index) => [
    pattern,
    ...unwanted,
    ...wanted.slice(0, index).map((earlier) => `!${earlier}`),
  ])
}

function timeOf(text: string): number | undefined {
  if (text === '') return undefined
  const ms = Date.parse(text)
  if (!Number.isNaN(ms)) return ms
  throw new MillraceError('SETTING_INVALID', {
    key: 'until',
    value: `"${text}"`,
    expected: 'a time, as 2026-07-01T12:00:00Z',
  })
}

function wrong(path: string, reason: string): MillraceError {
  return new MillraceError('CONNECTOR_OPTION', { path, connector: 'syncThroughKafka', reason })
}
