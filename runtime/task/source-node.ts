// SourceNode: a source's reader as the head of a chain, with the enumerator beside it in subtask 0.
//
// Owns: the reader. Does not own: where splits come from (enumerator-host); when to emit a barrier (task).
//
// I1. The reader's methods never overlap, close() while poll() hangs excepted.
// I2. A snapshot's splits are exactly those whose records up to their positions were passed on before the barrier.
// I3. After the end nothing is polled; after a final barrier neither, unless its checkpoint is aborted.

import type {
  Polled,
  ReaderContext,
  SourceFunction,
  SourceReader,
  SourceSplit,
} from '../../src/contract/source-function.ts'
import { BATCH_RECORDS, type Batch } from '../../src/record/batch.ts'
import type { WatermarkStrategy } from '../../src/time/watermark-strategy.ts'
import { present } from '../../src/util/assert.ts'
import { failpoint } from '../../src/util/failpoint.ts'
import type { Pending } from '../channel/channel.ts'
import { type ChainNode, nodeSnapshot, type SnapshotPart } from './chain-node.ts'
import { EnumeratorHost } from './enumerator-host.ts'
import { atNode } from './failure.ts'
import { decode, encode } from './msgpack.ts'
import type { NodeMeter } from './node-meter.ts'
import type { OutputCollector } from './output-collector.ts'
import { SourceAlignment } from './source-alignment.ts'
import { SourceTime } from './source-time.ts'
import { nodeContext, type TaskEnvironment } from './task-environment.ts'
import type { EnumeratorMessage } from './task-port.ts'

/** What one look at the reader gave: something was passed on, nothing is there now, or (once) the end. */
export type SourceStep = 'worked' | 'idle' | 'end'

export interface SourceNodeOptions {
  readonly name: string
  readonly source: SourceFunction<unknown>
  /** Undefined: its records have no event time, or what the source gives them, and no watermarks. */
  readonly watermarks: WatermarkStrategy<unknown> | undefined
  readonly output: OutputCollector
  readonly meter: NodeMeter
  readonly environment: TaskEnvironment
  readonly wake: () => void
  /** Hears what the enumerator or available() throws, at any time. */
  readonly failed: (error: unknown) => void
}

/** Drives one reader. */
export class SourceNode implements ChainNode {
  readonly name: string
  readonly meter: NodeMeter
  readonly stateBytes = 0
  readonly #options: SourceNodeOptions
  #reader: SourceReader<unknown, SourceSplit> | undefined
  #enumerator: EnumeratorHost | undefined
  #time: SourceTime | undefined
  #alignment: SourceAlignment | undefined
  /** When, by the clock, a split may have become idle; only while there is nothing to read. */
  #lookAt: number | undefined
  #waiting = false
  #hasSplits = false
  #ended = false
  #pausedFor: number | undefined

  constructor(options: SourceNodeOptions) {
    this.name = options.name
    this.meter = options.meter
    this.#options = options
  }

  get enumerator(): EnumeratorHost | undefined {
    return this.#enumerator
  }

  async open(): Promise<void> {
    const { source, environment } = this.#options
    const restore = environment.restoreOf(this.name)
    try {
      if (environment.subtask === 0) {
        this.#enumerator = await EnumeratorHost.open(this.name, source, this.meter, this.#options)
      }
      this.#reader = source.createReader(this.#context())
      this.#followTime(this.#reader, restore?.watermarks ?? {})
      await this.#reader.open?.()
      const splits = restore?.splits === undefined ? [] : (decode(restore.splits) as SourceSplit[])
      this.#hasSplits = splits.length > 0
      if (this.#hasSplits) await this.#addSplits(splits)
      this.#alignment?.reportNow()
    } catch (error) {
      throw atNode(this.name, 'source', error)
    }
  }

  start(): void {
    this.#enumerator?.start()
    if (!this.#hasSplits) this.#send({ type: 'request-split' })
  }

  /** Reads and passes on one batch. */
  step(): SourceStep | Promise<SourceStep> {
    if (this.#ended || this.#waiting || this.#pausedFor !== undefined) return 'idle'
    if (this.#alignment?.heldBack === true) return this.#rest()
    let polled: Polled<unknown> | Promise<Polled<unknown>>
    try {
      polled = this.#open.poll(BATCH_RECORDS)
    } catch (error) {
      throw atNode(this.name, 'source', error)
    }
    if (polled instanceof Promise) return this.#stepLater(polled)
    return this.#accept(polled)
  }

  /** A message from the enumerator. */
  receive({ body }: EnumeratorMessage): Pending {
    this.#waiting = false
    return this.#guard(() => {
      if (body.type === 'assign') return this.#addSplits(body.splits as SourceSplit[])
      if (body.type === 'no-more-splits') return this.#open.noMoreSplits()
      if (body.type === 'event') return this.#open.onEvent?.(body.event)
    })
  }

  /** How far the slowest source of a group has come. */
  align(group: string, least: number): void {
    if (this.#alignment?.hear(group, least) === true) this.#waiting = false
  }

  /** No more records until the checkpoint is aborted. */
  pauseFor(checkpoint: number): void {
    this.#pausedFor = checkpoint
  }

  abort(checkpoint: number): void {
    if (this.#pausedFor === checkpoint) this.#pausedFor = undefined
    this.#enumerator?.abort(checkpoint)
  }

  push(batch: Batch): Pending {
    this.#options.output.batch(batch)
    return this.#options.output.flush()
  }

  watermark(timestamp: number): Pending {
    this.#options.output.watermark(timestamp)
    return this.#options.output.flush()
  }

  status(idle: boolean): Pending {
    this.#options.output.idle(idle)
    return this.#options.output.flush()
  }

  endOfInput(): Pending {
    return undefined
  }

  drain(): Pending {
    return undefined
  }

  nextTimer(): number | undefined {
    return this.#waiting ? this.#lookAt : undefined
  }

  /** Nothing has come for a while: splits may be idle by now. */
  fireTimers(): Pending {
    this.#time?.look()
    this.#alignment?.reportNow()
    this.#setLookAt()
    return this.#flushTime()
  }

  finishEpoch(): Pending {
    failpoint('source.barrier.before')
    if (this.#ended) return undefined
    this.#time?.tell()
    return this.#flushTime()
  }

  freeze(checkpoint: number): SnapshotPart {
    // What was reached when the source ended is no beginning for another run that finds more to read.
    const watermarks = this.#ended ? {} : (this.#time?.watermarks() ?? {})
    const splits = this.#splits(checkpoint)
    const enumerator = this.#enumerator?.partOf(checkpoint)
    const { environment } = this.#options
    return {
      encodeSlice: (budgetMs) => enumerator?.encodeSlice(budgetMs) ?? true,
      abandon: () => enumerator?.abandon(),
      finish: async (folder) => ({
        ...nodeSnapshot(this.name, environment.subtask),
        splits,
        enumerator: await enumerator?.finish(folder),
        watermarks,
      }),
    }
  }

  complete(checkpoint: number): Pending {
    this.#enumerator?.complete(checkpoint)
    return this.#guard(() => this.#open.checkpointComplete?.(checkpoint))
  }

  async close(): Promise<void> {
    try {
      await this.#guard(() => this.#reader?.close?.())
    } finally {
      await this.#enumerator?.close()
    }
  }

  get #open(): SourceReader<unknown, SourceSplit> {
    return present(this.#reader, 'the reader of an open source')
  }

  #splits(checkpoint: number): Uint8Array {
    try {
      return encode(this.#open.snapshot(checkpoint))
    } catch (error) {
      throw atNode(this.name, 'source', error)
    }
  }

  #context(): ReaderContext {
    return {
      ...nodeContext(this.#options.environment, this.name, this.meter),
      requestSplit: () => this.#send({ type: 'request-split' }),
      sendToEnumerator: (event) => this.#send({ type: 'event', event }),
      reportProgress: (progress) => {
        this.meter.readerProgress = progress
      },
      splitFinished: (id) => this.#time?.endSplit(id),
    }
  }

  #followTime(reader: SourceReader<unknown, SourceSplit>, restored: Readonly<Record<string, number>>): void {
    const { name, watermarks: strategy, environment, output } = this.#options
    if (strategy === undefined) return
    const { clock, subtask, listener, mode } = environment
    const time = new SourceTime({ node: name, strategy, clock, output, restored, perSplit: 'lastSplit' in reader })
    this.#time = time
    const { alignment } = strategy
    // In batch mode the sources need not run at the same time.
    if (alignment === undefined || mode === 'batch') return
    const report = (group: string, reached: number): void => listener.reached({ group, node: name, subtask, reached })
    this.#alignment = new SourceAlignment({ alignment, time, reader, clock, report })
  }

  #addSplits(splits: readonly SourceSplit[]): void | Promise<void> {
    this.#time?.addSplits(splits.map(({ id }) => id))
    return this.#open.addSplits(splits)
  }

  #send(body: EnumeratorMessage['body']): void {
    const { environment } = this.#options
    environment.listener.enumerator({ node: this.name, to: 'enumerator', from: environment.subtask, body })
  }

  async #stepLater(polling: Promise<Polled<unknown>>): Promise<SourceStep> {
    let polled: Polled<unknown>
    try {
      polled = await polling
    } catch (error) {
      throw atNode(this.name, 'source', error)
    }
    return this.#accept(polled)
  }

  #accept(polled: Polled<unknown>): SourceStep | Promise<SourceStep> {
    if (polled === 'idle') return this.#idle()
    if (polled === 'end') {
      this.#ended = true
      this.#alignment?.leave()
      return 'end'
    }
    const passing = this.#time === undefined ? this.push(polled) : this.#pushInTime(polled, this.#time)
    return passing === undefined ? 'worked' : passing.then(() => 'worked')
  }

  #pushInTime(batch: Batch, time: SourceTime): Pending {
    try {
      time.accept(batch, this.#open.lastSplit)
    } catch (error) {
      throw atNode(this.name, 'source', error)
    }
    this.#alignment?.moved()
    return this.#flushTime()
  }

  #idle(): SourceStep | Promise<SourceStep> {
    this.#awaitData()
    this.#time?.look()
    this.#setLookAt()
    return this.#rest()
  }

  /** Nothing is read for now: whatever is known of event time is said. */
  #rest(): SourceStep | Promise<SourceStep> {
    if (this.#time === undefined) return 'idle'
    this.#time.tell()
    this.#alignment?.moved()
    this.#alignment?.reportNow()
    const telling = this.#flushTime()
    return telling === undefined ? 'idle' : telling.then(() => 'idle')
  }

  #setLookAt(): void {
    const inMs = this.#time?.nextLookInMs
    this.#lookAt = inMs === undefined ? undefined : this.#options.environment.clock.now() + Math.ceil(inMs)
  }

  /** Passes on what was said of event time, and records before it. */
  #flushTime(): Pending {
    return this.#time === undefined ? undefined : this.#options.output.flush()
  }

  #awaitData(): void {
    this.#waiting = true
    const { wake, failed } = this.#options
    const woken = (): void => {
      this.#waiting = false
      wake()
    }
    const waiting = this.#guard(() => this.#open.available())
    waiting?.then(woken, failed)
  }

  #guard(work: () => void | Promise<void>): Pending {
    try {
      const working = work()
      return working?.catch((error: unknown) => {
        throw atNode(this.name, 'source', error)
      })
    } catch (error) {
      throw atNode(this.name, 'source', error)
    }
  }
}
