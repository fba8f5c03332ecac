// RelayedSource: the records of a cluster, with the place they have there, and notices of its topics and groups among them.
//
// Owns (per reader): the topics that are to be announced, the look at groups. Does not own: reading (kafkaSource), positions (its splits).
//
// I1. A reader announces the topic of every partition that it gets, with as many partitions as there are, before the partition's first
//     record: also after a restore, so that what follows a checkpoint never relies on a notice before it.
// I2. Records of a partition come from one reader, in order. Those that were at all targets before are left out, and counted.
// I3. Notices are no part of any position: told twice they say the same.

import { KafkaClient } from '../../connectors/kafka/client/kafka-client.ts'
import type { ConnectionSettings } from '../../connectors/kafka/connection.ts'
import type { KafkaRecord, KafkaSplit } from '../../connectors/kafka/index.ts'
import { sourceError } from '../../connectors/kafka/source/source-trouble.ts'
import type { Counter } from '../../contract/runtime-context.ts'
import {
  type EnumeratorContext,
  type Polled,
  type ReaderContext,
  SourceFunction,
  type SourceReader,
  type SplitEnumerator,
} from '../../contract/source-function.ts'
import { batchOf } from '../../record/batch.ts'
import { type Deferred, deferred } from '../../util/deferred.ts'
import { GroupNotices } from './group-notices.ts'
import { sitesOf, wasAt } from './origin-headers.ts'
import { type Notice, noticeRecord, type RelayedKafka } from './relayed-kafka.ts'
import { topicNotices } from './topic-notices.ts'

export interface RelayedSourceSettings {
  readonly site: string
  /** Records that were at all of these are left out; none are where it is empty. */
  readonly targets: readonly string[]
  readonly connection: ConnectionSettings
  readonly isTopic: (topic: string) => boolean
  readonly groups: { readonly isGroup: (group: string) => boolean; readonly intervalMs: number } | undefined
}

export class RelayedSource extends SourceFunction<RelayedKafka, KafkaSplit> {
  readonly boundedness: 'bounded' | 'unbounded'
  readonly #inner: SourceFunction<KafkaRecord, KafkaSplit>
  readonly #settings: RelayedSourceSettings

  constructor(inner: SourceFunction<KafkaRecord, KafkaSplit>, settings: RelayedSourceSettings) {
    super()
    this.#inner = inner
    this.#settings = settings
    this.boundedness = inner.boundedness
  }

  createEnumerator(context: EnumeratorContext<KafkaSplit>): SplitEnumerator {
    return this.#inner.createEnumerator(context)
  }

  createReader(context: ReaderContext): SourceReader<RelayedKafka, KafkaSplit> {
    return new RelayedReader(this.#inner.createReader(context), this.#settings, context)
  }
}

class RelayedReader implements SourceReader<RelayedKafka, KafkaSplit> {
  readonly #inner: SourceReader<KafkaRecord, KafkaSplit>
  readonly #settings: RelayedSourceSettings
  readonly #context: ReaderContext
  readonly #loops: Counter
  /** Topics to be announced, with how many partitions they have at least. */
  readonly #unannounced = new Map<string, number>()
  #client!: KafkaClient
  #groups: GroupNotices | undefined
  #news = false
  #waiting: Deferred | undefined
  #ended = false

  constructor(inner: SourceReader<KafkaRecord, KafkaSplit>, settings: RelayedSourceSettings, context: ReaderContext) {
    this.#inner = inner
    this.#settings = settings
    this.#context = context
    this.#loops = context.metrics.counter('loopRecords')
  }

  async open(): Promise<void> {
    await this.#inner.open?.()
    const { clock, logger, node, subtask } = this.#context
    await this.#guarded(async () => {
      this.#client = await KafkaClient.open(this.#settings.connection, { clock, logger, name: node })
    })
    const { groups, isTopic } = this.#settings
    if (groups === undefined || subtask !== 0) return
    const onNews = (): void => this.#tell()
    this.#groups = new GroupNotices({ ...groups, client: this.#client, context: this.#context, isTopic, onNews })
  }

  async addSplits(splits: readonly KafkaSplit[]): Promise<void> {
    for (const { topic, partition } of splits)
      if (this.#settings.isTopic(topic))
        this.#unannounced.set(topic, Math.max(partition + 1, this.#unannounced.get(topic) ?? 0))
    await this.#inner.addSplits(splits)
    this.#tell()
  }

  noMoreSplits(): void {
    this.#inner.noMoreSplits()
  }

  async onEvent(event: unknown): Promise<void> {
    await this.#inner.onEvent?.(event)
  }

  async poll(maxRecords: number): Promise<Polled<RelayedKafka>> {
    this.#news = false
    if (this.#unannounced.size > 0) return this.#announce()
    const offsets = this.#groups?.take() ?? []
    if (offsets.length > 0) return this.#told(offsets)
    for (;;) {
      const polled = await this.#inner.poll(maxRecords)
      if (polled === 'end') return this.#end()
      if (polled === 'idle') return polled
      const records = this.#relayed(polled.values)
      if (records.length > 0) return batchOf(records)
    }
  }

  available(): Promise<void> {
    if (this.#groups === undefined) return this.#inner.available()
    if (this.#news) return Promise.resolve()
    const waiting = deferred()
    this.#waiting = waiting
    void this.#inner.available().then(() => waiting.resolve())
    return waiting.promise
  }

  snapshot(checkpoint: number): readonly KafkaSplit[] {
    return this.#inner.snapshot(checkpoint)
  }

  async checkpointComplete(checkpoint: number): Promise<void> {
    await this.#inner.checkpointComplete?.(checkpoint)
  }

  async close(): Promise<void> {
    this.#groups?.close()
    this.#tell()
    await this.#inner.close?.()
    await this.#client?.close()
  }

  async #announce(): Promise<Polled<RelayedKafka>> {
    const notices = await this.#guarded(() => topicNotices(this.#client, this.#unannounced))
    for (const { topic } of notices) this.#unannounced.delete(topic)
    return this.#told(notices)
  }

  async #end(): Promise<Polled<RelayedKafka>> {
    if (this.#groups === undefined || this.#ended) return 'end'
    this.#ended = true
    await this.#groups.last()
    const offsets = this.#groups.take()
    return offsets.length === 0 ? 'end' : this.#told(offsets)
  }

  #told(notices: readonly Notice[]): Polled<RelayedKafka> {
    return batchOf(notices.map((notice) => noticeRecord(this.#settings.site, notice)))
  }

  #relayed(values: readonly KafkaRecord[]): RelayedKafka[] {
    const { site } = this.#settings
    const records: RelayedKafka[] = []
    for (const record of values) {
      const { topic, partition, offset, timestampMs, key, value, headers } = record
      if (headers.length > 0 && this.#isLoop(record)) continue
      records.push({ topic, partition, offset, timestampMs, key, value, headers, site })
    }
    if (records.length < values.length) this.#loops.add(values.length - records.length)
    return records
  }

  #isLoop({ headers }: KafkaRecord): boolean {
    const { targets } = this.#settings
    if (targets.length === 0) return false
    const sites = sitesOf(headers)
    return sites !== undefined && targets.every((target) => wasAt(sites, target))
  }

  #tell(): void {
    this.#news = true
    this.#waiting?.resolve()
  }

  async #guarded<R>(work: () => Promise<R>): Promise<R> {
    try {
      return await work()
    } catch (error) {
      throw sourceError(error, this.#context.node)
    }
  }
}
