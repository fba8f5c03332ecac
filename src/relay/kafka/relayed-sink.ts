// RelayedSink: what a relay brought of another cluster, written to this one: exactly once, by kafkaSink.
//
// Owns: the client that topics are made by. Does not own: writing and its transactions (kafkaSink).
//
// I1. Notices are followed in their order among the records, before the records behind them are written; again with an epoch that is
//     written again, which changes nothing.
// I2. A record keeps topic (renamed), partition, key, value, time and its own headers, in order. One that was at this site is dropped.

import { KafkaClient } from '../../connectors/kafka/client/kafka-client.ts'
import type { ConnectionSettings } from '../../connectors/kafka/connection.ts'
import type { WrittenRecord } from '../../connectors/kafka/formats/format.ts'
import { sinkFailure } from '../../connectors/kafka/sink/sink-parts.ts'
import type { Counter, RuntimeContext } from '../../contract/runtime-context.ts'
import { EpochSinkFunction } from '../../contract/sink-function.ts'
import { ensureGroupOffsetsTopic, groupOffsetsRecord } from './group-offsets-topic.ts'
import { kafkaRecords } from './kafka-records.ts'
import { SITES_HEADER, sitesOf, wasAt, withOrigin, withoutOrigin } from './origin-headers.ts'
import { isNotice, noticeOf, type RelayedKafka } from './relayed-kafka.ts'
import { type TargetTopicCreation, TargetTopics } from './target-topics.ts'
import { configOfCopy } from './topic-notices.ts'

export interface RelayedSinkSettings {
  readonly site: string
  readonly connection: ConnectionSettings
  /** What a topic of the source is called here. */
  readonly nameOf: (topic: string) => string
  readonly create: TargetTopicCreation | undefined
  readonly originHeaders: boolean
  /** Where offsets of groups are kept. */
  readonly groupOffsetsTopic: string
}

/** A path of sites: the header that says it, and whether it has been here. */
interface Path {
  readonly header: readonly [name: string, sites: string]
  readonly isLoop: boolean
}

/** Paths come with the records: more than a few are nonsense, and not kept. */
const PATHS_MAX = 1000

export class RelayedSink extends EpochSinkFunction<RelayedKafka> {
  /** Instead of msgpack: spares a tenth of what the receiving side costs. */
  override readonly logCodec = kafkaRecords
  readonly #inner: EpochSinkFunction<WrittenRecord>
  readonly #settings: RelayedSinkSettings
  readonly #paths = new Map<string, Path>()
  #context!: RuntimeContext
  #client: KafkaClient | undefined
  #topics!: TargetTopics
  #loops!: Counter
  #offsetsReady: Promise<void> | undefined

  constructor(inner: EpochSinkFunction<WrittenRecord>, settings: RelayedSinkSettings) {
    super()
    this.#inner = inner
    this.#settings = settings
  }

  override async open(context: RuntimeContext): Promise<void> {
    this.#context = context
    this.#loops = context.metrics.counter('loopRecords')
    await this.#inner.open(context)
    const { clock, logger, node } = context
    const { connection, create } = this.#settings
    await this.#guarded(async () => {
      const client = await KafkaClient.open(connection, { clock, logger, name: node })
      this.#client = client
      this.#topics = new TargetTopics({ client, logger, node, create })
    })
  }

  lastEpoch(writer: string, isRestored: boolean): number | Promise<number> {
    return this.#inner.lastEpoch(writer, isRestored)
  }

  apply(writer: string, epoch: number, batches: AsyncIterable<readonly RelayedKafka[]>): Promise<void> {
    return this.#inner.apply(writer, epoch, { [Symbol.asyncIterator]: () => this.#written(batches) })
  }

  override async close(): Promise<void> {
    await this.#inner.close()
    await this.#client?.close()
  }

  async *#written(batches: AsyncIterable<readonly RelayedKafka[]>): AsyncGenerator<readonly WrittenRecord[]> {
    let loops = 0
    for await (const batch of batches) {
      let out: WrittenRecord[] = []
      for (const record of batch) {
        if (isNotice(record)) {
          if (out.length > 0) yield out
          out = await this.#follow(record)
          continue
        }
        const written = this.#record(record)
        if (written === undefined) loops += 1
        else out.push(written)
      }
      if (out.length > 0) yield out
    }
    // At the end: an epoch that is written again does not count what it had begun.
    this.#loops.add(loops)
  }

  /** Undefined: it was here before. */
  #record({
    topic,
    partition,
    offset,
    timestampMs,
    key,
    value,
    headers,
    site,
  }: RelayedKafka): WrittenRecord | undefined {
    const { nameOf, originHeaders } = this.#settings
    const before = headers.length === 0 ? undefined : sitesOf(headers)
    const path = this.#path(before === undefined ? site : `${before},${site}`)
    if (path.isLoop) return undefined
    const own = withoutOrigin(headers)
    const all = originHeaders ? withOrigin(own, offset, path.header) : own
    return { topic: nameOf(topic), partition, key, value, headers: all, timestampMs }
  }

  #path(sites: string): Path {
    let path = this.#paths.get(sites)
    if (path !== undefined) return path
    if (this.#paths.size >= PATHS_MAX) this.#paths.clear()
    path = { header: [SITES_HEADER, sites], isLoop: wasAt(sites, this.#settings.site) }
    this.#paths.set(sites, path)
    return path
  }

  /** What is to be written for a notice. */
  async #follow(record: RelayedKafka): Promise<WrittenRecord[]> {
    const notice = noticeOf(record)
    const { nameOf, groupOffsetsTopic, create } = this.#settings
    const topic = nameOf(notice.topic)
    return this.#guarded(async () => {
      if (notice.kind === 'topic') {
        // The other site does not say what else topics are set to here.
        await this.#topics.prepare({ topic, partitions: notice.partitions, config: configOfCopy(notice.config) })
        return []
      }
      const { replication } = create ?? {}
      this.#offsetsReady ??= ensureGroupOffsetsTopic(this.#client as KafkaClient, groupOffsetsTopic, replication)
      await this.#offsetsReady
      return [groupOffsetsRecord(groupOffsetsTopic, record.site, { ...notice, topic })]
    })
  }

  async #guarded<R>(work: () => Promise<R>): Promise<R> {
    try {
      return await work()
    } catch (error) {
      throw sinkFailure(this.#context.node, error)
    }
  }
}
