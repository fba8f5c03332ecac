// Outbox: the queue of a sender on disk: records in, batches of complete checkpoints out.
//
//   FOLDER/sender.json           SenderIdentity
//   FOLDER/acked/TARGET.json     what a target has (acked-file)
//   FOLDER/tokens.json           what receivers let it in by (tokens-file)
//   FOLDER/streams/NAME/         a SegmentLog for each stream
//
// Owns: the folder; which streams there are; the bound of what waits.
// Does not own: sending (target), a stream's batches (outbound-stream), identities (sender-identity).
//
// I1. An identity is durable before anything is sent under it.
// I2. A restore cuts every log to the state, removes streams that the state does not know, and publishes what is left.
// I3. A queue that holds published batches which somebody does not have is never removed: a fresh start moves it aside.
// I4. write() waits while more than the bound waits for a target that could take some of it; an epoch that is larger goes beyond.
// I5. After a fatal failure everything throws it.

import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { AppendPrepared } from '../../../contract/sink-function.ts'
import { MillraceError, reasonOf } from '../../../errors.ts'
import { present } from '../../../util/assert.ts'
import { type Deferred, deferred } from '../../../util/deferred.ts'
import { failpoint } from '../../../util/failpoint.ts'
import { nodeFileSystem } from '../../../util/file-system.ts'
import { readJson, writeJson } from '../queue/json-file.ts'
import { folderOf, streamFault } from '../queue/names.ts'
import { asideOrGone } from './earlier-queue.ts'
import type { RelaySinkSettings } from './options.ts'
import { OutboundStream } from './outbound-stream.ts'
import { newIdentity, reopened, type SenderIdentity, type SenderState, type StreamPosition } from './sender-identity.ts'
import { writeToken } from './tokens-file.ts'

const STREAMS_MAX = 1000
const DEFAULT_STREAM = 'main'
/** What open batches of all streams may have, packed; beyond, all are closed. */
const OPEN_BYTES_MAX = 8 << 20
const ADD_UP_STREAMS = 16
/** Records that are still open then are copied: a few may be views that hold all of what was fetched with them. */
const KEPT_AFTER_WRITES = 8
/** Logs that are opened side by side. */
const OPENING_MAX = 32
const SEGMENT_BYTES_MAX = 16 << 20
const SEGMENT_BYTES_MIN = 1 << 16

export interface OutboxOptions<T> {
  readonly folder: string
  readonly node: string
  readonly settings: RelaySinkSettings<T>
  readonly now: () => number
  readonly warn: (message: string, fields: Readonly<Record<string, unknown>>) => void
  /** Something may be sent that was not before, or nothing goes on. */
  readonly changed: () => void
}

export class Outbox<T> {
  readonly #options: OutboxOptions<T>
  readonly #streams = new Map<string, OutboundStream<T>>()
  #identity: SenderIdentity = newIdentity()
  #failure: unknown
  #keeping: Promise<void> = Promise.resolve()
  #room: Deferred | undefined
  #closed = false
  #toldFull = false
  #writes = 0

  private constructor(options: OutboxOptions<T>) {
    this.#options = options
  }

  /** The queue as of a restored state, or an empty one. Throws LOG_CORRUPT, IO. */
  static async open<T>(
    options: OutboxOptions<T>,
    state: SenderState | undefined,
    origin: { readonly checkpoint: number | undefined; readonly rewound: boolean },
  ): Promise<Outbox<T>> {
    const outbox = new Outbox(options)
    try {
      await outbox.#make()
      await (state === undefined ? outbox.#begin() : outbox.#restore(state, origin))
      return outbox
    } catch (error) {
      await outbox.close()
      throw error
    }
  }

  get identity(): SenderIdentity {
    return this.#identity
  }

  /** In the order they came up. */
  get streams(): ReadonlyMap<string, OutboundStream<T>> {
    return this.#streams
  }

  get folder(): string {
    return this.#options.folder
  }

  /** What a receiver has given; durable when it resolves. Throws LOG_CORRUPT, IO. */
  keepToken(target: string, token: string): Promise<void> {
    const keeping = this.#keeping.then(() => writeToken(this.folder, target, token))
    this.#keeping = keeping.catch(() => {})
    return keeping
  }

  get ackedFolder(): string {
    return join(this.#options.folder, 'acked')
  }

  /** In order. Resolves when there is room for more. Throws RELAY_RECORD, IO, and what failed. */
  write(records: readonly T[]): void | Promise<void> {
    this.#check()
    const { stream } = this.#options.settings
    if (stream !== undefined) return this.#writeEach(records, stream)
    const main = this.#streams.get(DEFAULT_STREAM)
    if (main === undefined) return this.#openAll([DEFAULT_STREAM]).then(() => this.write(records))
    main.write(records)
    return this.#settleDown()
  }

  /** Makes all that was written durable. */
  async prepare(): Promise<AppendPrepared> {
    this.#check()
    const all = [...this.#streams.values()]
    await this.#sync(all.filter((stream) => stream.isDirty))
    const streams = all.map(({ position }) => position)
    const state: SenderState = { format: 1, incarnation: this.#identity.incarnation, streams }
    const due = all.filter((stream) => stream.published < stream.next).map(({ position }) => position)
    return { state, commit: due.length === 0 ? undefined : due }
  }

  /** The checkpoint that holds these positions is complete: what is before them may be sent. */
  async commit(positions: readonly StreamPosition[]): Promise<void> {
    this.#check()
    // Restored ones are published already; and a stream that is not there was taken back.
    const due = positions.filter(([name, next]) => (this.#streams.get(name)?.published ?? next) < next)
    if (due.length === 0) return
    if (!this.#identity.hasPublished) {
      await this.#identify({ ...this.#identity, hasPublished: true, rewoundTo: undefined })
      failpoint('relay.publish.before')
    }
    for (const [name, next, record] of due) this.#streams.get(name)?.publish(next, record)
    this.#options.changed()
  }

  /** Whether every target has all that is published. */
  get isDrained(): boolean {
    for (const stream of this.#streams.values()) if (stream.keptByAll < stream.published) return false
    return true
  }

  /** A target has more of a stream. */
  acknowledged(stream: OutboundStream<T>): void {
    stream.truncate().catch((error: unknown) => this.fail(error))
    if (this.#room !== undefined && this.#hasRoom()) this.#wake()
    // A queue that is full for long swings about its bound.
    if (this.#toldFull && this.#held() < this.#options.settings.queueBytesMax / 2) this.#toldFull = false
  }

  /** Nothing goes on. The first failure counts. */
  fail(error: unknown): void {
    if (this.#closed) return
    this.#failure ??= error
    this.#wake()
    this.#options.changed()
  }

  get failure(): unknown {
    return this.#failure
  }

  /** Nobody waits for room any more. */
  interrupt(): void {
    this.#closed = true
    this.#wake()
  }

  /** Not while a call is under way. */
  async close(): Promise<void> {
    this.interrupt()
    await Promise.all([...this.#streams.values()].map((stream) => stream.close()))
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  #wake(): void {
    this.#room?.resolve()
    this.#room = undefined
  }

  async #writeEach(records: readonly T[], nameOf: (value: T) => string): Promise<void> {
    const parts = new Map<string, T[]>()
    for (const record of records) {
      const name = nameOf(record)
      const part = parts.get(name)
      if (part === undefined) parts.set(name, [record])
      else part.push(record)
    }
    await this.#openAll([...parts.keys()].filter((name) => !this.#streams.has(name)))
    for (const [name, part] of parts) this.#streams.get(name)?.write(part)
    await this.#settleDown()
  }

  /** What must be waited for before more is written. */
  #settleDown(): undefined | Promise<void> {
    // With many streams adding up costs more than a few records do.
    this.#writes += 1
    if (this.#writes % KEPT_AFTER_WRITES === 0) for (const stream of this.#streams.values()) stream.keep()
    if (this.#streams.size > ADD_UP_STREAMS && this.#writes % ADD_UP_STREAMS !== 0) return undefined
    let open = 0
    for (const stream of this.#streams.values()) open += stream.openBytes
    const waits: Promise<void>[] = []
    for (const stream of this.#streams.values()) {
      if (open > OPEN_BYTES_MAX) stream.closeBatch()
      const ready = stream.ready()
      if (ready !== undefined) waits.push(ready)
    }
    return waits.length === 0 && this.#hasRoom() ? undefined : this.#wait(waits)
  }

  async #wait(waits: readonly Promise<void>[]): Promise<void> {
    await Promise.all(waits)
    if (!this.#hasRoom() && !this.#toldFull) {
      this.#toldFull = true
      const { queueBytesMax } = this.#options.settings
      this.#options.warn('the queue is full: the job waits until the targets have more of it', { queueBytesMax })
    }
    while (!this.#hasRoom() && !this.#closed && this.#failure === undefined) {
      this.#room ??= deferred()
      await this.#room.promise
    }
    this.#check()
  }

  #hasRoom(): boolean {
    return this.#held() <= this.#options.settings.queueBytesMax || this.isDrained
  }

  #held(): number {
    let held = 0
    for (const stream of this.#streams.values()) held += stream.heldBytes
    return held
  }

  async #sync(streams: readonly OutboundStream<T>[]): Promise<void> {
    await Promise.all(
      streams.map(async (stream) => {
        await stream.sync()
        failpoint('relay.prepare.middle')
      }),
    )
  }

  /** The node's folder, its parent and the job's: whoever made them need not have synced them. Throws IO. */
  async #make(): Promise<void> {
    const node = dirname(this.#options.folder)
    try {
      await nodeFileSystem.makeDirectory(node)
      for (const path of [node, dirname(node), dirname(dirname(node))]) await nodeFileSystem.syncDirectory(path)
    } catch (error) {
      throw new MillraceError('IO', { action: 'open', path: node, reason: reasonOf(error) }, error)
    }
  }

  async #begin(): Promise<void> {
    await asideOrGone(this.#options)
    await this.#identify(newIdentity())
    failpoint('relay.identity.after')
  }

  async #restore(
    state: SenderState,
    origin: { readonly checkpoint: number | undefined; readonly rewound: boolean },
  ): Promise<void> {
    const known = (await readJson(nodeFileSystem, this.#identityFile)) as SenderIdentity | undefined
    const identity = reopened(known, state, origin)
    if (typeof identity === 'string') throw this.#unusable(this.#options.folder, identity)
    // First, since it makes room on a disk that is full.
    await this.#removeOthers(new Set(state.streams.map(([name]) => folderOf(name))))
    await this.#openAll(state.streams.map(([name]) => name))
    for (const position of state.streams) {
      const stream = present(this.#streams.get(position[0]), 'a stream of the state')
      if (!(await stream.restore(position))) {
        const { directory, next } = stream
        throw this.#unusable(directory, `it ends before batch ${next}, and the checkpoint speaks of ${position[1]}`)
      }
      failpoint('relay.cut.middle')
    }
    failpoint('relay.cut.after')
    await this.#identify(identity)
    failpoint('relay.identity.after')
  }

  /** Streams that began after the checkpoint. */
  async #removeOthers(known: ReadonlySet<string>): Promise<void> {
    const folder = join(this.#options.folder, 'streams')
    await nodeFileSystem.makeDirectory(folder)
    for (const name of await nodeFileSystem.list(folder)) {
      if (known.has(name)) continue
      await rm(join(folder, name), { recursive: true, force: true })
      failpoint('relay.cut.middle')
    }
    await nodeFileSystem.syncDirectory(folder)
  }

  async #identify(identity: SenderIdentity): Promise<void> {
    const { folder } = this.#options
    await nodeFileSystem.makeDirectory(folder)
    await nodeFileSystem.syncDirectory(dirname(folder))
    await writeJson(nodeFileSystem, this.#identityFile, identity)
    this.#identity = identity
  }

  get #identityFile(): string {
    return join(this.#options.folder, 'sender.json')
  }

  /** Streams that are not open, some at a time. */
  async #openAll(names: readonly string[]): Promise<void> {
    const { node } = this.#options
    for (const [i, name] of names.entries()) {
      const isOver = this.#streams.size + i >= STREAMS_MAX
      const fault = streamFault(name) ?? (isOver ? `there are ${STREAMS_MAX} streams, which is the most` : undefined)
      if (fault !== undefined) throw new MillraceError('RELAY_RECORD', { node, stream: name, reason: fault })
    }
    for (let i = 0; i < names.length; i += OPENING_MAX) {
      const opening = await Promise.allSettled(names.slice(i, i + OPENING_MAX).map((name) => this.#openOne(name)))
      for (const one of opening) if (one.status === 'fulfilled') this.#streams.set(one.value.name, one.value)
      const failed = opening.find((one) => one.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    }
  }

  #openOne(name: string): Promise<OutboundStream<T>> {
    const { node, settings, folder, now } = this.#options
    return OutboundStream.open<T>({
      ...settings,
      node,
      stream: name,
      targets: settings.targets.length,
      directory: join(folder, 'streams', folderOf(name)),
      segmentBytes: Math.max(SEGMENT_BYTES_MIN, Math.min(SEGMENT_BYTES_MAX, settings.queueBytesMax / 8)),
      now,
    })
  }

  #unusable(path: string, reason: string): MillraceError {
    const advice = 'bring back the queue that belongs to the checkpoint, or start over with --fresh'
    return new MillraceError('LOG_CORRUPT', { path, offset: 0, reason: `${reason}: ${advice}` })
  }
}
