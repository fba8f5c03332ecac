// SourceRig: one life of a source: the machine's enumerator host and a reader for each subtask, driven by hand.
//
// Owns: the readers, the messages on their way, whose turn it is, the clock.
// Does not own: what is expected (source-conformance).
//
// I1. A reader's calls never overlap. I2. Messages from the enumerator reach a reader in order, between two polls.
// I3. A checkpoint holds the enumerator's snapshot, and of the readers' splits those assigned before it.
// I4. A checkpoint that the enumerator asks for is taken, and completes, before the next poll.

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ReaderContext, SourceFunction, SourceReader, SourceSplit } from '../../src/contract/source-function.ts'
import type { Batch } from '../../src/record/batch.ts'
import { type Deferred, deferred } from '../../src/util/deferred.ts'
import type { NodeRestore, NodeSnapshot } from '../checkpoint/snapshot.ts'
import { EnumeratorHost } from '../task/enumerator-host.ts'
import { decode, encode } from '../task/msgpack.ts'
import { NodeMeter } from '../task/node-meter.ts'
import type { EnumeratorMessage } from '../task/task-port.ts'
import { ManualClock } from './manual-clock.ts'
import { type TestPlace, testContext, testEnvironment } from './test-environment.ts'

const NODE = 'source'
/** How long nothing may come before the clock is moved to what is scheduled next. */
const LULL_MS = 2
/** How long nothing may come at all. */
const PATIENCE_MS = 10_000

/** A checkpoint of a source, as bytes: nothing of the objects is left in it. */
export interface SourceCheckpoint {
  readonly id: number
  readonly folder: string
  /** By subtask. */
  readonly splits: readonly Uint8Array[]
  readonly enumerator: NonNullable<NodeSnapshot['enumerator']>
}

export interface SourceRigOptions {
  readonly create: () => SourceFunction<unknown>
  readonly folder: string
  readonly parallelism: number
  readonly mode: 'stream' | 'batch'
  /** Every event of a reader reaches the enumerator twice. */
  readonly repeatEvents?: boolean
  readonly restore?: SourceCheckpoint | undefined
}

type Reader = SourceReader<unknown, SourceSplit>

/** One subtask's reader and what is on its way to it. */
interface Seat {
  readonly reader: Reader
  readonly inbox: EnumeratorMessage['body'][]
  ended: boolean
  /** It said idle, and this is what it waits for. */
  waiting: Promise<void> | undefined
}

/** Work folders of two lives must differ. */
let lives = 0

/** See the head of this file. */
export class SourceRig {
  readonly #options: SourceRigOptions
  readonly #clock = new ManualClock(1_000_000)
  readonly #seats: Seat[] = []
  readonly #asked: number[] = []
  #enumerator: EnumeratorHost | undefined
  #failure: { readonly error: unknown } | undefined
  #checkpoint: number
  #checkpointAsked = false
  #news: Deferred = deferred()
  #turn = -1

  constructor(options: SourceRigOptions) {
    this.#options = options
    this.#checkpoint = options.restore?.id ?? 0
  }

  get readers(): readonly Reader[] {
    return this.#seats.map(({ reader }) => reader)
  }

  /** A reader that nobody opens. */
  unopened(): Reader {
    return this.#options.create().createReader(this.#context(this.#place(0), 0))
  }

  /** Opens everything; the enumerator begins when all readers are open and have what they had. */
  async open(): Promise<void> {
    const { create, parallelism } = this.#options
    lives += 1
    const splits = spread(this.#options.restore?.splits ?? [], parallelism)
    for (let subtask = 0; subtask < parallelism; subtask += 1) {
      const source = create()
      const place = this.#place(subtask)
      if (subtask === 0) {
        const environment = testEnvironment(place)
        const failed = (error: unknown): void => this.#fail(error)
        this.#enumerator = await EnumeratorHost.open(NODE, source, new NodeMeter(), { environment, failed })
      }
      const reader = source.createReader(this.#context(place, subtask))
      this.#seats.push({ reader, inbox: [], ended: false, waiting: undefined })
      await reader.open?.()
      const own = splits[subtask] ?? []
      if (own.length > 0) await reader.addSplits(own)
      else this.#asked.push(subtask)
    }
  }

  start(): void {
    this.#enumerator?.start()
    for (const subtask of this.#asked.splice(0)) this.#ask(subtask)
  }

  /** The next batch of whichever reader has one, the readers taking turns; 'end' when all have ended. */
  async next(maxRecords: number): Promise<Batch | 'end'> {
    const impatientAt = performance.now() + PATIENCE_MS
    for (;;) {
      if (this.#checkpointAsked) await this.complete(await this.checkpoint())
      const batch = await this.#round(maxRecords)
      if (batch !== undefined) return batch
      if (this.#seats.every(({ ended }) => ended)) return 'end'
      if (performance.now() > impatientAt) throw new Error(`idle: no record came for ${PATIENCE_MS / 1_000} s`)
      await this.#lull()
    }
  }

  /** Whether nothing comes in so many lulls. */
  async isQuiet(lulls: number): Promise<boolean> {
    for (let i = 0; i < lulls; i += 1) {
      if ((await this.#round(1)) !== undefined) return false
      await this.#lull()
    }
    return true
  }

  async checkpoint(): Promise<SourceCheckpoint> {
    this.#checkpointAsked = false
    this.#checkpoint += 1
    const id = this.#checkpoint
    const folder = join(this.#options.folder, 'checkpoints', `${lives}-${id}`)
    await mkdir(folder, { recursive: true })
    await this.#enumerator?.snapshot(id)
    this.#throwFailure()
    for (const seat of this.#seats) await this.#deliver(seat)
    const splits = this.#seats.map(({ reader }) => encode(reader.snapshot(id)))
    this.#enumerator?.triggered(id)
    const part = this.#enumerator?.partOf(id)
    if (part === undefined) throw new Error('the enumerator took no snapshot')
    while (!part.encodeSlice(Number.POSITIVE_INFINITY));
    return { id, folder, splits, enumerator: await part.finish(folder) }
  }

  async complete({ id }: SourceCheckpoint): Promise<void> {
    this.#enumerator?.complete(id)
    for (const { reader } of this.#seats) await reader.checkpointComplete?.(id)
  }

  async close(): Promise<void> {
    for (const { reader } of this.#seats) await reader.close?.()
    await this.#enumerator?.close()
  }

  async #round(maxRecords: number): Promise<Batch | undefined> {
    for (let i = 0; i < this.#seats.length; i += 1) {
      this.#turn = (this.#turn + 1) % this.#seats.length
      const seat = this.#seats[this.#turn] as Seat
      this.#throwFailure()
      await this.#deliver(seat)
      if (seat.ended || seat.waiting !== undefined) continue
      const polled = await seat.reader.poll(maxRecords)
      if (polled === 'end') seat.ended = true
      else if (polled === 'idle') this.#await(seat)
      else return polled
    }
    return undefined
  }

  #await(seat: Seat): void {
    const woken = (): void => {
      seat.waiting = undefined
      this.#news.resolve()
    }
    seat.waiting = seat.reader.available()
    seat.waiting.then(woken, (error) => this.#fail(error))
  }

  /** Until something happens; if nothing does, time passes until what is scheduled next. */
  async #lull(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const lull = new Promise<'lull'>((resolve) => {
      timer = setTimeout(() => resolve('lull'), LULL_MS)
    })
    const outcome = await Promise.race([lull, this.#news.promise])
    clearTimeout(timer)
    this.#news = deferred()
    const { nextInMs } = this.#clock
    if (outcome === 'lull' && nextInMs !== undefined) this.#clock.advance(nextInMs)
  }

  async #deliver(seat: Seat): Promise<void> {
    for (let body = seat.inbox.shift(); body !== undefined; body = seat.inbox.shift()) {
      seat.waiting = undefined
      if (body.type === 'assign') await seat.reader.addSplits(decode(encode(body.splits)) as SourceSplit[])
      if (body.type === 'no-more-splits') seat.reader.noMoreSplits()
      if (body.type === 'event') await seat.reader.onEvent?.(decode(encode(body.event)))
    }
  }

  #ask(subtask: number): void {
    this.#enumerator?.receive({ node: NODE, to: 'enumerator', from: subtask, body: { type: 'request-split' } })
  }

  #context(place: TestPlace, subtask: number): ReaderContext {
    return {
      ...testContext(place, NODE),
      requestSplit: () => this.#ask(subtask),
      sendToEnumerator: (event) => {
        const message: EnumeratorMessage = {
          node: NODE,
          to: 'enumerator',
          from: subtask,
          body: { type: 'event', event: decode(encode(event)) },
        }
        this.#enumerator?.receive(message)
        if (this.#options.repeatEvents === true) this.#enumerator?.receive(message)
      },
      reportProgress: () => {},
      splitFinished: () => {},
    }
  }

  #place(subtask: number): TestPlace {
    const { folder, parallelism, mode, restore } = this.#options
    return {
      folder,
      subtask,
      parallelism,
      attempt: lives,
      mode,
      clock: this.#clock,
      restore: restore === undefined ? undefined : nodeRestore(restore),
      onCheckpointAsked: () => {
        this.#checkpointAsked = true
        this.#news.resolve()
      },
      onEnumerator: ({ to, body }) => {
        this.#seats[Number(to)]?.inbox.push(body)
        this.#news.resolve()
      },
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#news.resolve()
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}

function nodeRestore({ id, folder, enumerator }: SourceCheckpoint): NodeRestore {
  return { node: NODE, folder, checkpoint: id, keyed: [], operator: [], splits: undefined, enumerator, commits: [] }
}

/** As the machine does: to whom they were while there are as many subtasks, else round robin. */
function spread(packed: readonly Uint8Array[], parallelism: number): SourceSplit[][] {
  const bySubtask = packed.map((splits) => decode(splits) as SourceSplit[])
  if (bySubtask.length === parallelism) return bySubtask
  const result: SourceSplit[][] = Array.from({ length: parallelism }, () => [])
  for (const [i, split] of bySubtask.flat().entries()) result[i % parallelism]?.push(split)
  return result
}
