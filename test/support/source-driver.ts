// Drives one SourceFunction by hand: enumerator, readers, snapshots, restores. Splits go through msgpack, as they would.

import { Packr } from 'msgpackr'
import type { KeyedContext } from '../../src/contract/keyed-context.ts'
import type {
  EnumeratorContext,
  ReaderContext,
  SourceFunction,
  SourceReader,
  SourceSplit,
  SplitEnumerator,
} from '../../src/contract/source-function.ts'
import { type ContextOptions, ManualClock, runtimeContext } from './runtime-context.ts'

const packr = new Packr({ moreTypes: true })
const through = <T>(value: T): T => packr.unpack(packr.pack(value)) as T

export interface SourceSnapshot {
  readonly splits: readonly SourceSplit[]
  readonly enumerator: unknown
}

/** A running source: one enumerator, `parallelism` readers. */
export class SourceDriver<T> {
  readonly clock: ManualClock
  readonly readers: SourceReader<T, SourceSplit>[] = []
  readonly #source: SourceFunction<T>
  readonly #options: ContextOptions
  #enumerator: SplitEnumerator | undefined

  constructor(source: SourceFunction<T>, options: ContextOptions = {}) {
    this.#source = source
    this.clock = (options.clock as ManualClock | undefined) ?? new ManualClock()
    this.#options = { ...options, clock: this.clock }
  }

  get parallelism(): number {
    return this.#options.parallelism ?? 1
  }

  async start(restored?: SourceSnapshot): Promise<this> {
    const requests: number[] = []
    for (let subtask = 0; subtask < this.parallelism; subtask += 1) {
      const context: ReaderContext = {
        ...runtimeContext({ ...this.#options, subtask }),
        requestSplit: () => requests.push(subtask),
        sendToEnumerator: () => {},
        reportProgress: () => {},
        splitFinished: () => {},
      }
      const reader = this.#source.createReader(context)
      this.readers.push(reader)
      await reader.open?.()
      const splits = restored?.splits.filter((_, i) => i % this.parallelism === subtask) ?? []
      if (splits.length > 0) await reader.addSplits(through(splits))
      else requests.push(subtask)
    }
    this.#enumerator = this.#source.createEnumerator(this.#enumeratorContext(restored))
    await this.#enumerator.start()
    for (const subtask of requests) await this.#enumerator.onSplitRequest(subtask)
    return this
  }

  /** Polls each reader in turn until all say 'end', or, with a limit, until so many records came. Idle readers are waited for. */
  async take(limit = Number.POSITIVE_INFINITY, batch = 1_024): Promise<T[]> {
    const out: T[] = []
    const ended = new Set<number>()
    while (out.length < limit && ended.size < this.readers.length) {
      for (const [i, reader] of this.readers.entries()) {
        if (ended.has(i) || out.length >= limit) continue
        const polled = await reader.poll(Math.min(batch, limit - out.length))
        if (polled === 'end') ended.add(i)
        else if (polled !== 'idle') out.push(...polled.values)
        else await this.#wait(reader, i)
      }
    }
    return out
  }

  snapshot(checkpoint: number): SourceSnapshot {
    return through({
      splits: this.readers.flatMap((reader) => reader.snapshot(checkpoint)),
      enumerator: this.#enumerator?.snapshot(checkpoint),
    })
  }

  async complete(checkpoint: number): Promise<void> {
    for (const reader of this.readers) await reader.checkpointComplete?.(checkpoint)
  }

  async close(): Promise<void> {
    for (const reader of this.readers) await reader.close?.()
    await this.#enumerator?.close?.()
  }

  async #wait(reader: SourceReader<T, SourceSplit>, subtask: number): Promise<void> {
    const available = reader.available()
    // Whatever it waits for: time, the enumerator, or something outside.
    if (reader.snapshot(-1).length === 0) await this.#enumerator?.onSplitRequest(subtask)
    if (this.clock.pending > 0) this.clock.advance(10)
    else await available
  }

  #enumeratorContext(restored: SourceSnapshot | undefined): EnumeratorContext<SourceSplit> {
    return {
      ...runtimeContext(this.#options),
      assign: (subtask, splits) => void this.readers[subtask]?.addSplits(splits),
      noMoreSplits: (subtask) => this.readers[subtask]?.noMoreSplits(),
      send: () => {},
      requestCheckpoint: () => {},
      state: {} as KeyedContext,
      restored: restored?.enumerator,
      reportProgress: () => {},
    }
  }
}

/**
 * Reads a bounded source to its end in pieces, on `parallelisms` in turn. After each piece all objects are thrown away: only the
 * snapshot goes on.
 */
export async function readWithRestores<T>(
  make: () => SourceFunction<T>,
  piece: number,
  options: ContextOptions & { readonly parallelisms?: readonly number[] } = {},
): Promise<T[]> {
  const parallelisms = options.parallelisms ?? [1]
  const out: T[] = []
  let snapshot: SourceSnapshot | undefined
  for (let round = 0; ; round += 1) {
    const parallelism = parallelisms[round % parallelisms.length] ?? 1
    const driver = await new SourceDriver(make(), { ...options, parallelism }).start(snapshot)
    const taken = await driver.take(piece, piece)
    out.push(...taken)
    snapshot = driver.snapshot(round)
    await driver.close()
    if (taken.length < piece) return out
  }
}
