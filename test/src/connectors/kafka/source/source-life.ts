// One life of a source against a real broker, by the real clock: an enumerator, readers, and what passes between them.

import { setTimeout as sleep } from 'node:timers/promises'
import { KafkaClient } from '../../../../../src/connectors/kafka/client/kafka-client.ts'
import { listOffsets } from '../../../../../src/connectors/kafka/client/topics.ts'
import { parseConnectionOptions } from '../../../../../src/connectors/kafka/connection.ts'
import type { KafkaSplit } from '../../../../../src/connectors/kafka/source/kafka-split.ts'
import type { KeyedContext } from '../../../../../src/contract/keyed-context.ts'
import type {
  EnumeratorContext,
  ReaderContext,
  SourceFunction,
  SourceProgress,
  SourceReader,
  SplitEnumerator,
} from '../../../../../src/contract/source-function.ts'
import type { Batch } from '../../../../../src/record/batch.ts'
import { systemClock } from '../../../../../src/util/clock.ts'
import { runtimeContext } from '../../../../support/runtime-context.ts'

/** What only hangs exceed. */
const PATIENCE_MS = 240_000

export interface Checkpoint {
  readonly splits: readonly KafkaSplit[]
  readonly enumerator: unknown
}

export interface LifeOptions {
  readonly parallelism?: number
  readonly mode?: 'stream' | 'batch'
  readonly restore?: Checkpoint
}

export class SourceLife<T> {
  readonly counters = new Map<string, number>()
  readonly logged: string[] = []
  readonly finished: string[] = []
  readonly progress = new Map<number, readonly SourceProgress[]>()
  readonly readers: SourceReader<T, KafkaSplit>[] = []
  /** Splits by the subtask they were assigned to. */
  readonly assigned: KafkaSplit[][]
  readonly #enumerator: SplitEnumerator
  readonly #ended = new Set<number>()
  #calls: Promise<unknown> = Promise.resolve()
  #failure: { readonly error: unknown } | undefined
  #turn = 0
  #checkpointAsked = false
  #checkpoints = 1_000

  private constructor(
    source: SourceFunction<T, KafkaSplit>,
    { parallelism = 1, mode = 'stream', restore }: LifeOptions,
  ) {
    const base = { parallelism, mode, clock: systemClock, counters: this.counters, logged: this.logged }
    this.assigned = Array.from({ length: parallelism }, () => [])
    const context: EnumeratorContext<KafkaSplit> = {
      ...runtimeContext(base),
      assign: (subtask, splits) => {
        this.assigned[subtask]?.push(...splits)
        const given = structuredClone(splits)
        this.#call(() => this.readers[subtask]?.addSplits(given))
      },
      noMoreSplits: (subtask) => this.#call(() => this.readers[subtask]?.noMoreSplits()),
      send: () => {},
      requestCheckpoint: () => {
        this.#checkpointAsked = true
      },
      state: {} as KeyedContext,
      restored: restore?.enumerator,
      reportProgress: () => {},
    }
    for (let subtask = 0; subtask < parallelism; subtask += 1) {
      const reader: ReaderContext = {
        ...runtimeContext({ ...base, subtask }),
        requestSplit: () => this.#call(() => this.#enumerator.onSplitRequest(subtask)),
        sendToEnumerator: (event) => this.#call(() => this.#enumerator.onReaderEvent?.(subtask, event)),
        reportProgress: (progress) => void this.progress.set(subtask, progress),
        splitFinished: (id) => void this.finished.push(id),
      }
      this.readers.push(source.createReader(reader))
    }
    this.#enumerator = source.createEnumerator(context)
  }

  static async begin<T>(source: SourceFunction<T, KafkaSplit>, options: LifeOptions = {}): Promise<SourceLife<T>> {
    const life = new SourceLife(source, options)
    try {
      for (const [subtask, reader] of life.readers.entries()) {
        await reader.open?.()
        const own = options.restore?.splits.filter((_, i) => i % life.readers.length === subtask) ?? []
        if (own.length > 0) await reader.addSplits(structuredClone(own))
      }
      await life.#enumerator.start()
    } catch (error) {
      await life.close()
      throw error
    }
    return life
  }

  /** The next batch of any reader; undefined when all have ended, or nothing has come for `patienceMs`. */
  async next(
    patienceMs = PATIENCE_MS,
    maxRecords = 1_024,
  ): Promise<(Batch<T> & { readonly split: string }) | undefined> {
    const until = performance.now() + patienceMs
    while (this.#ended.size < this.readers.length && performance.now() < until) {
      await this.#calls
      if (this.#failure !== undefined) throw this.#failure.error
      if (this.#checkpointAsked) await this.#takeCheckpoint()
      for (let i = 0; i < this.readers.length; i += 1) {
        this.#turn = (this.#turn + 1) % this.readers.length
        if (this.#ended.has(this.#turn)) continue
        const reader = this.readers[this.#turn] as SourceReader<T, KafkaSplit>
        const polled = await reader.poll(maxRecords)
        if (polled === 'end') this.#ended.add(this.#turn)
        else if (polled !== 'idle') return { ...polled, split: reader.lastSplit ?? '' }
      }
      const waiting = this.readers.filter((_, i) => !this.#ended.has(i)).map((reader) => reader.available())
      if (waiting.length > 0) await Promise.race([...waiting, sleep(50)])
    }
    return undefined
  }

  /** Values until there are `count`, or until all readers have ended. */
  async take(count = Number.POSITIVE_INFINITY, patienceMs?: number): Promise<T[]> {
    const values: T[] = []
    while (values.length < count) {
      const batch = await this.next(patienceMs, Math.min(1_024, count - values.length))
      if (batch === undefined) break
      values.push(...batch.values)
    }
    return values
  }

  get hasEnded(): boolean {
    return this.#ended.size === this.readers.length
  }

  /** Polls until it throws, and gives what. */
  async failure(): Promise<unknown> {
    try {
      for (;;) if ((await this.next()) === undefined) return undefined
    } catch (error) {
      return error
    }
  }

  async checkpoint(id = 1): Promise<Checkpoint> {
    await this.#calls
    const splits = this.readers.flatMap((reader) => reader.snapshot(id))
    return structuredClone({ splits, enumerator: this.#enumerator.snapshot(id) })
  }

  async complete(id = 1): Promise<void> {
    for (const reader of this.readers) await reader.checkpointComplete?.(id)
    this.#call(() => this.#enumerator.checkpointComplete?.(id))
    await this.#calls
  }

  async close(): Promise<void> {
    for (const reader of this.readers) await reader.close?.()
    await this.#enumerator.close?.()
  }

  async #takeCheckpoint(): Promise<void> {
    this.#checkpointAsked = false
    this.#checkpoints += 1
    await this.checkpoint(this.#checkpoints)
    await this.complete(this.#checkpoints)
  }

  #call(work: () => void | Promise<void>): void {
    this.#calls = this.#calls.then(work).catch((error: unknown) => {
      this.#failure ??= { error }
    })
  }
}

/** Runs `work` with a life that is closed whatever happens. */
export async function inLife<T, R>(
  source: SourceFunction<T, KafkaSplit>,
  options: LifeOptions,
  work: (life: SourceLife<T>) => Promise<R>,
): Promise<R> {
  const life = await SourceLife.begin(source, options)
  try {
    return await work(life)
  } finally {
    await life.close()
  }
}

/** Waits until the markers of all ended transactions are in the topic: a commit is acknowledged before they are. None may be open. */
export async function untilMarked(brokers: string, topic: string): Promise<void> {
  const { clock, logger } = runtimeContext({ clock: systemClock })
  const settings = parseConnectionOptions({ brokers }, 'test')
  const client = await KafkaClient.open(settings, { clock, logger, name: 'test' })
  try {
    const count = (await client.topics([topic])).get(topic)?.partitions ?? 0
    const partitions = Array.from({ length: count }, (_, partition) => ({ topic, partition }))
    for (let marked = false; !marked; ) {
      const [ends, stable] = [
        await listOffsets(client, partitions, 'latest', false),
        await listOffsets(client, partitions, 'latest', true),
      ]
      marked = [...ends].every(([id, { offset }]) => stable.get(id)?.offset === offset)
    }
  } finally {
    await client.close()
  }
}
