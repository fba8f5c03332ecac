// KafkaReader: reads the partitions of one subtask from what was fetched of them.
//
// Owns: the queues of its partitions, whose turn it is, what was read and not yet committed to the group.
// Does not own: fetching (fetcher), which partitions it has (the enumerator and the machine).
//
// I1. A position moves with the batch that read up to it, in the poll() that gives it: snapshot() is right between any two polls.
// I2. Partitions take turns: one that always has records does not starve another. A batch is of one partition.
// I3. A batch run without a bound of its own ends where each partition does when the reader gets it, and keeps those that it has read: the next
//     run goes on from there.
// I4. What cannot be read is in the dead letter topic, durably, before the position is behind it.

import type { Polled, ReaderContext, SourceReader } from '../../../contract/source-function.ts'
import { BATCH_RECORDS, type Batch } from '../../../record/batch.ts'
import { type Deferred, deferred } from '../../../util/deferred.ts'
import { KafkaClient } from '../client/kafka-client.ts'
import { openReadCodecs } from '../records/codecs.ts'
import type { KafkaRecord } from '../records/kafka-record.ts'
import { DeadLetters } from './dead-letters.ts'
import { Fetcher } from './fetcher.ts'
import { GroupCommits } from './group-commits.ts'
import type { DiscoveryTick, KafkaSplit } from './kafka-split.ts'
import { endsWithBatch, type KafkaSourceSettings } from './options.ts'
import { PartitionQueue } from './partition-queue.ts'
import { ReaderProgress } from './reader-progress.ts'
import { RecordDecoder } from './record-decoder.ts'
import { SourceTrouble, sourceError } from './source-trouble.ts'
import { OffsetLookup } from './start-offsets.ts'
import { isMeant } from './topic-selection.ts'

/** What is made when the reader opens. */
interface Open<T> {
  readonly client: KafkaClient
  readonly fetcher: Fetcher
  readonly commits: GroupCommits | undefined
  readonly decoder: RecordDecoder<T>
}

export class KafkaReader<T> implements SourceReader<T, KafkaSplit> {
  readonly #context: ReaderContext
  readonly #settings: KafkaSourceSettings<T>
  readonly #progress: ReaderProgress
  #queues: PartitionQueue[] = []
  /** Partitions read to their end, in a run that the next one goes on from. */
  readonly #ended: KafkaSplit[] = []
  #opened: Open<T> | undefined
  #failure: { readonly error: unknown } | undefined
  #turn = 0
  #lastSplit: string | undefined
  #paused: ReadonlySet<string> = new Set()
  #noMore = false
  #nextTickMs: number
  /** Something came since the last poll began, which may have missed it. */
  #news = false
  #waiting: { readonly wakeUp: Deferred; readonly cancel: () => void } | undefined
  #closed = false

  constructor(context: ReaderContext, settings: KafkaSourceSettings<T>) {
    this.#context = context
    this.#settings = settings
    this.#progress = new ReaderProgress(context)
    const ticks = settings.discoveryIntervalMs > 0 && context.subtask === 0
    this.#nextTickMs = ticks ? context.clock.monotonic() + settings.discoveryIntervalMs : Number.POSITIVE_INFINITY
  }

  async open(): Promise<void> {
    try {
      this.#opened = await this.#open()
    } catch (error) {
      throw sourceError(error, this.#context.node)
    }
  }

  addSplits(splits: readonly KafkaSplit[]): void | Promise<void> {
    if (!endsWithBatch(this.#settings, this.#context)) return this.#add(splits)
    return this.#bounded(splits).then((bounded) => this.#add(bounded))
  }

  #add(splits: readonly KafkaSplit[]): void {
    for (const split of splits) {
      if (!isMeant(this.#settings.topics, split.topic, split.partition)) {
        this.#context.logger.warn('a partition is not asked for any more, and leaves the source', {
          partition: split.id,
        })
        this.#context.splitFinished(split.id)
        continue
      }
      const queue = new PartitionQueue(split)
      this.#queues.push(queue)
      this.#opened?.fetcher.add(queue)
    }
    this.#tell()
  }

  noMoreSplits(): void {
    this.#noMore = true
    this.#nextTickMs = Number.POSITIVE_INFINITY
    this.#tell()
  }

  get lastSplit(): string | undefined {
    return this.#lastSplit
  }

  pauseSplits(ids: ReadonlySet<string>): void {
    this.#paused = ids
    this.#tell()
  }

  poll(maxRecords: number): Polled<T> | Promise<Polled<T>> {
    this.#news = false
    if (this.#failure !== undefined) throw this.#failure.error
    this.#tick()
    this.#progress.report(this.#queues)
    return this.#pollFrom(this.#queues.length, Math.min(maxRecords, BATCH_RECORDS))
  }

  available(): Promise<void> {
    if (this.#news || this.#closed) return Promise.resolve()
    // A promise that was given before stays good: were it resolved here, its waiter would poll and come back for ever.
    const wakeUp = this.#waiting?.wakeUp ?? deferred()
    this.#waiting?.cancel()
    const { clock } = this.#context
    const delayMs = this.#nextTickMs - clock.monotonic()
    const cancel = Number.isFinite(delayMs) ? clock.schedule(Math.max(0, delayMs), () => this.#wake()) : (): void => {}
    this.#waiting = { wakeUp, cancel }
    return wakeUp.promise
  }

  snapshot(checkpoint: number): readonly KafkaSplit[] {
    const splits = [...this.#queues.map(({ snapshot }) => snapshot), ...this.#ended]
    this.#opened?.commits?.snapshotted(checkpoint, splits)
    return splits
  }

  checkpointComplete(checkpoint: number): void {
    this.#opened?.commits?.complete(checkpoint)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#wake()
    this.#opened?.fetcher.close()
    await this.#opened?.commits?.close()
    await this.#opened?.client.close()
  }

  /** The splits, up to where their partitions end now. */
  async #bounded(splits: readonly KafkaSplit[]): Promise<readonly KafkaSplit[]> {
    const { client } = this.#opened as Open<T>
    try {
      const stops = await new OffsetLookup(client, this.#settings, this.#context.node).stop(splits)
      return splits.map((split) => ({ ...split, stop: stops.get(split.id) ?? split.offset }))
    } catch (error) {
      throw sourceError(error, this.#context.node)
    }
  }

  async #open(): Promise<Open<T>> {
    const { clock, logger, node } = this.#context
    const { connection, isolation, fetchBytesMax, bufferBytesMax, groupId, deadLetterTopic, format } = this.#settings
    const client = await KafkaClient.open(connection, { clock, logger, name: node })
    try {
      await format.open?.()
      await openReadCodecs()
    } catch (error) {
      await client.close()
      throw error
    }
    const trouble = new SourceTrouble({ context: this.#context, client, retryMaxMs: connection.retryMaxMs })
    const fetcher = new Fetcher({
      clock,
      client,
      trouble,
      readCommitted: isolation === 'read_committed',
      fetchBytesMax,
      bufferBytesMax,
      fetched: () => this.#tell(),
      failed: (error) => this.#fail(error),
    })
    const commits = groupId === undefined ? undefined : new GroupCommits(client, groupId, this.#context)
    const letters = deadLetterTopic === undefined ? undefined : new DeadLetters(client, deadLetterTopic, this.#context)
    return { client, fetcher, commits, decoder: new RecordDecoder(this.#settings, this.#context, letters) }
  }

  /** Asks partition after partition, `turns` at most, until one has records. */
  #pollFrom(turns: number, maxRecords: number): Polled<T> | Promise<Polled<T>> {
    for (let left = turns; left > 0; left -= 1) {
      this.#turn = (this.#turn + 1) % this.#queues.length
      const queue = this.#queues[this.#turn] as PartitionQueue
      if (this.#paused.has(queue.split.id)) continue
      const records = this.#take(queue, maxRecords)
      if (records.length === 0) continue
      const batch = (this.#opened as Open<T>).decoder.read(records)
      if (batch instanceof Promise)
        return batch.then((read) => this.#give(queue, read) ?? this.#pollFrom(left - 1, maxRecords))
      const given = this.#give(queue, batch)
      if (given !== undefined) return given
    }
    return this.#queues.length === 0 && this.#noMore ? 'end' : 'idle'
  }

  /** Undefined for a batch without values: those of its records are nothing to the job. */
  #give(queue: PartitionQueue, batch: Batch<T>): Batch<T> | undefined {
    if (batch.values.length === 0) {
      this.#news = true
      return undefined
    }
    this.#lastSplit = queue.split.id
    return batch
  }

  #take(queue: PartitionQueue, maxRecords: number): KafkaRecord[] {
    const records: KafkaRecord[] = []
    try {
      queue.take(maxRecords, records)
    } catch (error) {
      throw sourceError(error, this.#context.node)
    }
    if (queue.isFinished) this.#finish(queue)
    else this.#opened?.fetcher.drained(queue.split.id)
    return records
  }

  #finish(queue: PartitionQueue): void {
    const { id } = queue.split
    this.#queues.splice(this.#turn, 1)
    this.#turn -= 1
    this.#opened?.fetcher.remove(id)
    this.#opened?.commits?.finished(queue.snapshot)
    if (endsWithBatch(this.#settings, this.#context)) this.#ended.push(queue.snapshot)
    this.#context.splitFinished(id)
    this.#progress.finished(queue)
    if (this.#queues.length === 0 && !this.#noMore) this.#context.requestSplit()
  }

  /** The enumerator has no clock of its own: subtask 0 reminds it to look for partitions. */
  #tick(): void {
    const now = this.#context.clock.monotonic()
    if (now < this.#nextTickMs) return
    this.#nextTickMs = now + this.#settings.discoveryIntervalMs
    this.#context.sendToEnumerator({ type: 'tick' } satisfies DiscoveryTick)
  }

  #fail(error: unknown): void {
    this.#failure ??= { error: sourceError(error, this.#context.node) }
    this.#tell()
  }

  #tell(): void {
    this.#news = true
    this.#wake()
  }

  #wake(): void {
    this.#waiting?.cancel()
    this.#waiting?.wakeUp.resolve()
    this.#waiting = undefined
  }
}
