// KafkaEnumerator: finds partitions and gives each to one reader, once.
//
// Owns: which partitions were found, and those not given out yet. Does not own: how far each is read (its split).
//
// I1. A partition is given out once in the life of the job.
// I2. Where partitions begin and end is looked up once, when a job starts afresh; what is found later begins at its earliest record.
// I3. A topic keeps the id it was found with: one that was made anew under its name is not read on.
// I4. Where a start depends on its moment (latest, a time), nothing is read before a complete checkpoint says where it was: beginning
//     again after a failure begins there.
// I5. Nothing happens outside the machine's calls: a reader's ticks say when to look again.

import type { EnumeratorContext, SplitEnumerator } from '../../../contract/source-function.ts'
import { MillraceError, reasonOf } from '../../../errors.ts'
import type { TopicMetadata } from '../client/apis/metadata.ts'
import { failureOf, KafkaFailure, throwIfFailed } from '../client/failure.ts'
import { KafkaClient } from '../client/kafka-client.ts'
import type { TopicPartition } from '../client/topic-partition.ts'
import { ensureTopic } from '../client/topics.ts'
import { type KafkaSplit, NO_TOPIC_ID, splitId } from './kafka-split.ts'
import { type KafkaSourceSettings, wrong } from './options.ts'
import { positionGone, sourceError } from './source-trouble.ts'
import { OffsetLookup, type Offsets } from './start-offsets.ts'
import { isMeant } from './topic-selection.ts'

const UNKNOWN_TOPIC_OR_PARTITION = 3

/** A topic whose partitions are read. */
interface KnownTopic {
  readonly name: string
  readonly id: string | null
  readonly partitions: readonly number[]
}

interface EnumeratorSnapshot {
  readonly topics: readonly KnownTopic[]
  readonly bounded: boolean
  /** Found and not given out. */
  readonly waiting: readonly KafkaSplit[]
}

interface FoundPartition extends TopicPartition {
  readonly topicId: string | null
}

export class KafkaEnumerator implements SplitEnumerator {
  readonly #context: EnumeratorContext<KafkaSplit>
  readonly #settings: KafkaSourceSettings<unknown>
  readonly #known = new Map<string, KnownTopic>()
  readonly #bounded: boolean
  #client: KafkaClient | undefined
  #waiting: readonly KafkaSplit[] = []
  /** The first checkpoint that has them. */
  #waitsFor: number | undefined
  /** Whose turn it is. */
  #turn = 0

  constructor(context: EnumeratorContext<KafkaSplit>, settings: KafkaSourceSettings<unknown>) {
    this.#context = context
    this.#settings = settings
    this.#bounded = settings.bounded !== undefined || context.mode === 'batch'
  }

  async start(): Promise<void> {
    try {
      const { clock, logger, node } = this.#context
      this.#client = await KafkaClient.open(this.#settings.connection, { clock, logger, name: node })
      const { deadLetterTopic } = this.#settings
      if (deadLetterTopic !== undefined) await ensureTopic(this.#client, { topic: deadLetterTopic })
      const restored = this.#context.restored as EnumeratorSnapshot | undefined
      if (restored === undefined) await this.#begin(this.#client)
      else await this.#goOn(this.#client, restored)
    } catch (error) {
      throw sourceError(error, this.#context.node)
    }
    this.#endIfComplete()
  }

  onSplitRequest(subtask: number): void {
    if (this.#isComplete) this.#context.noMoreSplits(subtask)
  }

  /** A tick. */
  async onReaderEvent(): Promise<void> {
    if (this.#client === undefined || this.#isComplete || this.#waiting.length > 0) return
    try {
      await this.#discover(this.#client)
    } catch (error) {
      if (!(error instanceof KafkaFailure && error.retriable)) throw sourceError(error, this.#context.node)
      this.#context.logger.warn('looking for new partitions failed', { reason: reasonOf(error) })
    }
  }

  snapshot(checkpoint: number): EnumeratorSnapshot {
    if (this.#waiting.length > 0) this.#waitsFor ??= checkpoint
    return { topics: [...this.#known.values()], bounded: this.#bounded, waiting: this.#waiting }
  }

  checkpointComplete(checkpoint: number): void {
    if (this.#waitsFor === undefined || checkpoint < this.#waitsFor) return
    this.#waitsFor = undefined
    this.#assign(this.#waiting)
    this.#waiting = []
    this.#endIfComplete()
  }

  async close(): Promise<void> {
    await this.#client?.close()
  }

  /** Nothing is added to what was given out. */
  get #isComplete(): boolean {
    const { discoveryIntervalMs, topics } = this.#settings
    const isFixed = this.#bounded || discoveryIntervalMs === 0 || topics.partitions !== undefined
    return isFixed && this.#waiting.length === 0
  }

  #endIfComplete(): void {
    if (!this.#isComplete) return
    for (let subtask = 0; subtask < this.#context.parallelism; subtask += 1) this.#context.noMoreSplits(subtask)
  }

  async #begin(client: KafkaClient): Promise<void> {
    const found = await client
      .retry('Looking for topics', () => this.#find(client, 'all'))
      .catch((error: unknown) => {
        const isMissing = error instanceof KafkaFailure && error.code === UNKNOWN_TOPIC_OR_PARTITION
        throw isMissing ? this.#notThere(error.message) : error
      })
    if (found.length === 0) throw this.#notThere(`no topic matches ${this.#settings.topics.text}`)
    const lookup = this.#lookup(client)
    const start = await lookup.start(found)
    const stop = this.#settings.bounded === undefined ? undefined : await lookup.stop(found)
    const splits = this.#splitsOf(found, start, stop)
    if (!lookup.dependsOnTheMoment || this.#context.mode === 'batch' || splits.length === 0) return this.#assign(splits)
    this.#waiting = splits
    this.#context.requestCheckpoint()
  }

  async #goOn(client: KafkaClient, restored: EnumeratorSnapshot): Promise<void> {
    if (restored.bounded !== this.#bounded) {
      const was = restored.bounded ? 'with an end' : 'without one'
      throw wrong('bounded', `the checkpoint is of a run ${was}: go on as it was, or start with --fresh`)
    }
    // What is no longer asked for is forgotten: readers leave it too.
    for (const { name, id, partitions } of restored.topics) {
      const meant = partitions.filter((partition) => isMeant(this.#settings.topics, name, partition))
      if (meant.length > 0) this.#known.set(name, { name, id, partitions: meant })
      this.#turn += meant.length
    }
    this.#assign(restored.waiting)
    if (this.#settings.bounded === undefined) await this.#discover(client)
  }

  /** Gives out what has come since. */
  async #discover(client: KafkaClient): Promise<void> {
    const found = await this.#find(client, 'there')
    if (found.length === 0) return
    this.#context.logger.info('partitions found', { count: found.length, first: firstOf(found) })
    this.#assign(this.#splitsOf(found, await this.#lookup(client).earliest(found), undefined))
  }

  /** Partitions that are meant and not known. `all`: the topics named must be there. Throws LOG_GONE, SOURCE_SETTING, KafkaFailure. */
  async #find(client: KafkaClient, which: 'all' | 'there'): Promise<readonly FoundPartition[]> {
    const { topics } = this.#settings
    const listed = await client.topicMetadata(topics.hasPatterns ? undefined : topics.names)
    if (which === 'all') for (const name of topics.names) this.#demand(name, listed)
    return listed
      .filter((topic) => topics.matches(topic))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((topic) => this.#partitionsOf(topic))
  }

  #demand(name: string, listed: readonly TopicMetadata[]): void {
    const topic = listed.find((one) => one.name === name)
    // A new topic is known to all brokers a moment later.
    if (topic === undefined) throw failureOf(UNKNOWN_TOPIC_OR_PARTITION, `Topic "${name}"`)
    throwIfFailed(topic.error, `Topic "${name}"`)
    const partition = this.#settings.topics.partitions?.get(name)?.find((one) => one >= topic.partitions.length)
    if (partition !== undefined)
      throw this.#notThere(`topic "${name}" has no partition ${partition}: it has ${topic.partitions.length}`)
  }

  #partitionsOf({ name, id: givenId, partitions }: TopicMetadata): readonly FoundPartition[] {
    const topicId = givenId === NO_TOPIC_ID ? null : givenId
    const known = this.#known.get(name)
    if (known !== undefined && known.id !== null && topicId !== null && known.id !== topicId)
      throw positionGone(this.#context.node, `where it was in ${name}`, `topic "${name}" was deleted and made anew`)
    return partitions
      .map(({ partition }) => partition)
      .filter((partition) => isMeant(this.#settings.topics, name, partition))
      .filter((partition) => known?.partitions.includes(partition) !== true)
      .sort((a, b) => a - b)
      .map((partition) => ({ topic: name, topicId, partition }))
  }

  /** Partitions are known from here on. Those that end where they begin have no split. */
  #splitsOf(found: readonly FoundPartition[], start: Offsets, stop: Offsets | undefined): KafkaSplit[] {
    const splits: KafkaSplit[] = []
    for (const { topic, topicId, partition } of found) {
      const id = splitId(topic, partition)
      const offset = start.get(id) as number
      const end = stop?.get(id)
      this.#remember(topic, topicId, partition)
      if (end === undefined) splits.push({ id, topic, topicId, partition, offset })
      else if (end > offset) splits.push({ id, topic, topicId, partition, offset, stop: end })
    }
    return splits
  }

  #assign(splits: readonly KafkaSplit[]): void {
    const { parallelism } = this.#context
    const bySubtask: KafkaSplit[][] = Array.from({ length: parallelism }, () => [])
    for (const split of splits) bySubtask[this.#turn++ % parallelism]?.push(split)
    for (const [subtask, share] of bySubtask.entries()) if (share.length > 0) this.#context.assign(subtask, share)
  }

  #remember(name: string, id: string | null, partition: number): void {
    const partitions = [...(this.#known.get(name)?.partitions ?? []), partition]
    this.#known.set(name, { name, id, partitions })
  }

  #lookup(client: KafkaClient): OffsetLookup {
    return new OffsetLookup(client, this.#settings, this.#context.node)
  }

  #notThere(reason: string): MillraceError {
    return new MillraceError('SOURCE_SETTING', { node: this.#context.node, reason })
  }
}

function firstOf(found: readonly FoundPartition[]): string {
  return found
    .slice(0, 20)
    .map(({ topic, partition }) => splitId(topic, partition))
    .join(', ')
}
