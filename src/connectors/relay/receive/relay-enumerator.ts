// RelayEnumerator: hosts the receiver and gives its streams to readers.
//
// Owns: the receiver, what readers were told of the ends of streams.
// Does not own: which stream goes to whom and when (assignment), what is given up (retention), how far each is read (its split).
//
// I1. A reader reads only below the end that it was told, and that is durable.
// I2. What a checkpoint's splits still need is there when the job is restored from it, or the position is named and nothing is read.
// I3. What fails behind the machine's calls fails the job, through a reader.

import { join } from 'node:path'
import type { EnumeratorContext, SplitEnumerator } from '../../../contract/source-function.ts'
import { isMillraceError, MillraceError, reasonOf } from '../../../errors.ts'
import type { FileSystem } from '../../../util/file-system.ts'
import { Assignment, type SenderSnapshot } from './assignment.ts'
import type { RelaySourceSettings } from './options.ts'
import { Receiver } from './receiver.ts'
import { ReceiverGauges } from './receiver-gauges.ts'
import {
  type EnumeratorEvent,
  type Position,
  partsOf,
  type ReaderEvent,
  type RelaySplit,
  STORE_FOLDER,
  type StreamEnd,
  splitOf,
} from './relay-split.ts'
import { Retention } from './retention.ts'
import type { Sender } from './sender.ts'
import type { StreamLog } from './stream-log.ts'

/** News of several streams travel together. */
const TELL_AFTER_MS = 1

interface Running {
  readonly receiver: Receiver
  readonly assignment: Assignment
  readonly retention: Retention
  readonly gauges: ReceiverGauges
}

export class RelayEnumerator implements SplitEnumerator {
  readonly #context: EnumeratorContext<RelaySplit>
  readonly #settings: RelaySourceSettings<unknown>
  readonly #fileSystem: FileSystem | undefined
  readonly #root: string
  #starting: Promise<void> | undefined
  #running: Running | undefined
  /** Streams whose readers are to be told more. */
  readonly #news = new Set<StreamLog>()
  #cancelNews: (() => void) | undefined
  /** Generations below were read out, by sender: of snapshots that are not complete, and of the last one that is. */
  readonly #snapshots = new Map<number, ReadonlyMap<string, number>>()
  #readOut: ReadonlyMap<string, number>
  #tidying: Promise<void> | undefined
  #closed = false

  constructor(context: EnumeratorContext<RelaySplit>, settings: RelaySourceSettings<unknown>, fileSystem?: FileSystem) {
    this.#context = context
    this.#settings = settings
    this.#fileSystem = fileSystem
    this.#root = join(context.directory, STORE_FOLDER)
    this.#readOut = readOutOf((context.restored as readonly SenderSnapshot[] | undefined) ?? [])
  }

  start(): Promise<void> {
    this.#starting = this.#start()
    return this.#starting
  }

  async #start(): Promise<void> {
    const restored = this.#context.restored as readonly SenderSnapshot[] | undefined
    const receiver = await Receiver.start({
      context: this.#context,
      settings: this.#settings,
      root: this.#root,
      listener: {
        durable: (stream) => this.#durable(stream),
        opened: () => this.#guarded(() => this.#assign()),
        broken: (error) => this.#fail(error),
      },
      ...(this.#fileSystem !== undefined && { fileSystem: this.#fileSystem }),
    })
    const { store } = receiver
    this.#running = {
      receiver,
      assignment: new Assignment(store, this.#context.parallelism, restored),
      retention: new Retention({
        store,
        keepBytes: this.#settings.keepBytes,
        readOutBefore: (sender) => this.#readOut.get(sender) ?? 0,
      }),
      gauges: new ReceiverGauges(this.#context, receiver),
    }
    receiver.setUnread(this.#running.retention.unreadBytes())
    if (restored !== undefined) this.#checkKept(restored)
  }

  onSplitRequest(subtask: number): void {
    this.#running?.assignment.heard(subtask)
    this.#assign()
  }

  onReaderEvent(subtask: number, event: unknown): void {
    if (this.#running === undefined) return
    const told = event as ReaderEvent
    if (told.type === 'have') this.#has(this.#running, subtask, told.positions)
    if (told.type === 'read') this.#running.gauges.read(told.progress)
    if (told.type === 'finished') for (const id of told.ids) this.#running.assignment.finished(subtask, id)
    if (told.type === 'complete') this.#completed(this.#running, told.positions)
    if (told.type === 'have' || told.type === 'finished') this.#assign()
  }

  snapshot(checkpoint: number): readonly SenderSnapshot[] {
    const snapshot = this.#running?.assignment.snapshot(checkpoint) ?? []
    this.#snapshots.set(checkpoint, readOutOf(snapshot))
    return snapshot
  }

  checkpointComplete(checkpoint: number): void {
    const readOut = this.#snapshots.get(checkpoint)
    for (const older of this.#snapshots.keys()) if (older <= checkpoint) this.#snapshots.delete(older)
    if (readOut !== undefined) this.#readOut = readOut
    const forgettable = this.#running?.assignment.forgettable(checkpoint) ?? new Map<number, readonly string[]>()
    for (const [subtask, ids] of forgettable) this.#tell(subtask, { type: 'forget', ids })
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancelNews?.()
    // It may be closed while it starts: what that opened is let go, too. What it throws is start()'s to tell.
    await this.#starting?.catch(() => {})
    this.#running?.gauges.close()
    await this.#tidying
    await this.#running?.receiver.close()
  }

  /** What the checkpoint knows must be there, and of what it does not know, the beginning. */
  #checkKept(restored: readonly SenderSnapshot[]): void {
    const { receiver, assignment } = this.#run
    const known = new Set(restored.map(({ sender }) => sender))
    for (const { sender: name, generation, tag } of restored) {
      const sender = receiver.store.sender(name)
      if (tag !== undefined && sender?.tagOf(generation) !== tag)
        throw this.#gone(`sender "${name}"`, this.#lost(sender))
    }
    for (const sender of receiver.store.senders) {
      const isThere = sender.streamsOf(assignment.generationOf(sender)) !== undefined
      if (!known.has(sender.name) && !isThere) throw this.#gone(`sender "${sender.name}"`, this.#lost(sender))
    }
  }

  #lost(sender: Sender | undefined): string {
    if (sender === undefined) return `its queue is not in ${this.#root}`
    return `of its runs, those that were read out are kept up to keepBytes, ${this.#settings.keepBytes}, and this one is not`
  }

  #has(running: Running, subtask: number, positions: readonly Position[]): void {
    const { assignment, receiver, retention } = running
    const readOut: string[] = []
    for (const { id, sequence } of positions) {
      if (!assignment.has(subtask, id)) {
        readOut.push(id)
        continue
      }
      const stream = this.#streamOf(receiver, id)
      if (stream === undefined) throw this.#gone(placeOf(id, sequence), `its queue is not in ${this.#root}`)
      this.#checkPosition(stream, sequence)
      // What a reader begins with is of a complete checkpoint, or the beginning.
      retention.complete(id, sequence)
      this.#news.add(stream)
    }
    receiver.setUnread(retention.unreadBytes())
    if (readOut.length > 0) this.#tell(subtask, { type: 'forget', ids: readOut })
    this.#tellNews()
    assignment.heard(subtask)
  }

  #checkPosition(stream: StreamLog, sequence: number): void {
    const { id, first, next, place } = stream
    if (sequence < first)
      throw this.#gone(
        placeOf(id, sequence),
        `batches from ${first} on are kept: of what was read, keepBytes, ${this.#settings.keepBytes} bytes in all`,
      )
    if (sequence <= next) return
    const reason = `it ends before batch ${next}, and batches up to ${sequence} were read from it`
    throw new MillraceError('LOG_CORRUPT', { path: place.path, offset: 0, reason })
  }

  #streamOf(receiver: Receiver, id: string): StreamLog | undefined {
    const { sender, generation, stream } = partsOf(id)
    const found = receiver.store.sender(sender)?.streamsOf(generation)?.get(stream)
    return found?.id === id ? found : undefined
  }

  #assign(): void {
    const running = this.#running
    if (running === undefined || this.#closed) return
    for (const [subtask, streams] of running.assignment.take()) {
      for (const stream of streams) this.#checkBeginning(stream)
      this.#context.assign(subtask, streams.map(splitOf))
    }
  }

  /** A stream that the restored checkpoint does not know is read from its beginning; later checkpoints may have given that up. */
  #checkBeginning({ id, first, facts }: StreamLog): void {
    if (this.#context.restored === undefined || first === facts.origin) return
    throw this.#gone(placeOf(id, facts.origin), `batches from ${first} on are kept`)
  }

  #completed({ retention }: Running, positions: readonly Position[]): void {
    for (const { id, sequence } of positions) retention.complete(id, sequence)
    this.#tidying ??= this.#tidy()
  }

  async #tidy(): Promise<void> {
    const { receiver, retention } = this.#run
    try {
      await retention.giveUp()
      receiver.setUnread(retention.unreadBytes())
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#tidying = undefined
    }
  }

  #durable(stream: StreamLog): void {
    this.#news.add(stream)
    if (this.#closed || this.#running === undefined) return
    this.#cancelNews ??= this.#context.clock.schedule(TELL_AFTER_MS, () => this.#tellNews())
    if (stream.isEnded) this.#guarded(() => this.#assign())
  }

  #tellNews(): void {
    this.#cancelNews?.()
    this.#cancelNews = undefined
    const shares = new Map<number, StreamEnd[]>()
    for (const stream of this.#news) {
      const subtask = this.#run.assignment.subtaskOf(stream.id)
      if (subtask === undefined) continue
      const { id, next, records, isEnded: isFinal } = stream
      const share = shares.get(subtask)
      if (share === undefined) shares.set(subtask, [{ id, next, records, isFinal }])
      else share.push({ id, next, records, isFinal })
    }
    this.#news.clear()
    for (const [subtask, ends] of shares) this.#tell(subtask, { type: 'ends', ends })
  }

  get #run(): Running {
    if (this.#running === undefined) throw new Error('the enumerator has not started')
    return this.#running
  }

  #tell(subtask: number, event: EnumeratorEvent): void {
    if (!this.#closed) this.#context.send(subtask, event)
  }

  #guarded(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    const { code, details } = isMillraceError(error) ? error : { code: undefined, details: {} }
    this.#tell(0, { type: 'failed', code, details, reason: reasonOf(error) })
  }

  #gone(place: string, reason: string): MillraceError {
    return new MillraceError('LOG_GONE', { node: this.#context.node, place, reason })
  }
}

function placeOf(id: string, sequence: number): string {
  const { sender, stream } = partsOf(id)
  return `batch ${sequence} of stream "${stream}" of sender "${sender}"`
}

function readOutOf(snapshot: readonly SenderSnapshot[]): ReadonlyMap<string, number> {
  return new Map(snapshot.map(({ sender, generation }) => [sender, generation]))
}
