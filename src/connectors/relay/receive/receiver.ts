// Receiver: lets senders in and puts what they send into the store.
//
// Owns: the listening server, the line of each sender, the bounds on what is held.
// Does not own: what is on disk (receive-store), who reads it (relay-enumerator).
//
// I1. A sender has one line: a newer connection that is let in ends the one before.
// I2. What is let in is durable before it is welcomed: a crash does not forget who wrote, nor who was fenced.
// I3. The disk's trouble with one stream ends its sender's line; it is let in again when the log is open again. Others go on.

import type { Counter, RuntimeContext } from '../../../contract/runtime-context.ts'
import { reasonOf } from '../../../errors.ts'
import { type FileSystem, nodeFileSystem } from '../../../util/file-system.ts'
import type { RelayAddress } from '../line/address.ts'
import { formatAddress } from '../line/address.ts'
import { WIRE_VERSION } from '../line/handshake.ts'
import type { Line, LinePeer } from '../line/line.ts'
import { LineServer } from '../line/line-server.ts'
import { senderFault } from '../queue/names.ts'
import type { Hello, Refuse, Welcome } from '../wire/messages.ts'
import { Intake } from './intake.ts'
import type { RelaySourceSettings } from './options.ts'
import { ReceiveStore } from './receive-store.ts'
import { ReceiverLine } from './receiver-line.ts'
import type { Sender } from './sender.ts'
import type { StreamLog } from './stream-log.ts'
import { readableCompressions } from './uncompress.ts'

const HEARTBEAT_MS = 5000
/** Of batches that are uncompressed and not yet on the disk. */
const PLAIN_BYTES_MAX = 16 << 20
/** Of batches that wait for that. */
const BODY_BYTES_MAX = 8 << 20

/** Whom a receiver tells. */
export interface ReceiverListener {
  /** More of a stream can be read, or it has ended. */
  durable(stream: StreamLog): void
  /** A sender has opened a stream, perhaps a new one; or it is a new incarnation. */
  opened(): void
  /** What no waiting mends. */
  broken(error: unknown): void
}

export interface ReceiverOptions {
  readonly context: RuntimeContext
  readonly settings: RelaySourceSettings<unknown>
  /** Where the store is. */
  readonly root: string
  readonly listener: ReceiverListener
  readonly fileSystem?: FileSystem
}

export class Receiver {
  readonly #options: ReceiverOptions
  readonly #intake: Intake
  readonly #lines = new Map<Sender, ReceiverLine>()
  readonly #open = new Set<ReceiverLine>()
  readonly #inTrouble = new Set<StreamLog>()
  readonly #compressions: readonly string[]
  readonly #repeated: Counter
  readonly #received: Counter
  #opened: { readonly store: ReceiveStore; readonly server: LineServer } | undefined
  /** About how many bytes no complete checkpoint has read. */
  #unreadBytes = 0
  #closed = false

  private constructor(options: ReceiverOptions, compressions: readonly string[]) {
    this.#options = options
    this.#compressions = compressions
    this.#repeated = options.context.metrics.counter('repeatedBatches')
    this.#received = options.context.metrics.counter('batchesReceived')
    this.#intake = new Intake({
      plainBytesMax: PLAIN_BYTES_MAX,
      bodyBytesMax: BODY_BYTES_MAX,
      flow: (isOpen) => {
        for (const { line } of this.#open) {
          if (isOpen) line.resume()
          else line.pause()
        }
      },
    })
  }

  /** Opens the store, then listens. Throws LOG_CORRUPT, IO, CONNECTOR_OPTION. */
  static async start(options: ReceiverOptions): Promise<Receiver> {
    const receiver = new Receiver(options, await readableCompressions())
    await receiver.#start()
    return receiver
  }

  get store(): ReceiveStore {
    return this.#running.store
  }

  get address(): RelayAddress {
    return this.#running.server.address
  }

  get connections(): number {
    return this.#opened?.server.connections ?? 0
  }

  /** So many bytes are unread: what was counted since is what came since. */
  setUnread(bytes: number): void {
    const hadRoom = this.#hasRoom
    this.#unreadBytes = bytes
    if (!hadRoom && this.#hasRoom) for (const line of this.#open) line.grant()
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#opened?.server.close()
    await this.#opened?.store.close()
  }

  get #running() {
    if (this.#opened === undefined) throw new Error('the receiver has not started')
    return this.#opened
  }

  get #hasRoom(): boolean {
    return this.#unreadBytes < this.#options.settings.queueBytesMax
  }

  async #start(): Promise<void> {
    const { context, settings, root, fileSystem = nodeFileSystem } = this.#options
    const { clock, logger } = context
    const store = await ReceiveStore.open(root, { clock, fileSystem, listener: this.#storeListener })
    try {
      const server = await LineServer.listen(settings.listen, (hello, peer) => this.#greet(store, hello, peer), {
        clock,
        onLine: (line, hello) => this.#begin(store, line, hello),
        onRefused: (address, reason) => logger.warn('a connection was refused', { address, reason }),
      })
      this.#opened = { store, server }
      logger.info('listens for senders', { address: formatAddress(server.address) })
    } catch (error) {
      await store.close()
      throw error
    }
  }

  readonly #storeListener = {
    durable: (stream: StreamLog, released: number): void => {
      this.#unreadBytes += released
      this.#recovered(stream)
      if (released > 0) this.#intake.release(released)
      const line = this.#lineOf(stream)
      line?.durable(stream)
      if (!this.#closed) this.#options.listener.durable(stream)
    },
    failed: (stream: StreamLog, error: unknown, released: number): void => {
      if (released > 0) this.#intake.release(released)
      this.#troubled(stream, error)
    },
    broken: (error: unknown): void => {
      if (!this.#closed) this.#options.listener.broken(error)
    },
  }

  async #greet(store: ReceiveStore, hello: Hello, peer: LinePeer): Promise<Welcome | Refuse> {
    const refusal = this.#refusal(hello)
    if (refusal !== undefined) return refuse('IDENTITY', refusal)
    const sender = store.senderOrNew(hello.sender)
    if (sender === undefined) return refuse('LIMIT', 'the receiver knows as many senders as it can')
    const { trouble } = sender
    if (trouble !== undefined) return refuse('BUSY', `its log cannot be written: ${trouble}`)
    const generation = sender.record?.generation
    const judgement = await sender.claim(hello, peer.identity)
    if ('refused' in judgement) return refuse(judgement.refused.code, judgement.refused.reason)
    const isNew = judgement.record.generation !== generation
    const line = this.#lines.get(sender)
    // Nothing more of an older life is to come in behind this.
    if (line !== undefined && !sender.isOf(line.hello))
      line.close('FENCED', 'a newer run of this sender has taken its place')
    if (isNew) this.#options.listener.opened()
    const { site, frameBytesMax, plainBytesMax } = this.#options.settings
    return {
      kind: 'welcome',
      version: WIRE_VERSION,
      site,
      compressions: this.#compressions,
      frameBytesMax,
      plainBytesMax,
      heartbeatMs: HEARTBEAT_MS,
      release: '',
      former: Buffer.from(judgement.record.past.at(-1) ?? '', 'hex'),
      token: judgement.record.token,
    }
  }

  #refusal({ site, sender }: Hello): string | undefined {
    const fault = senderFault(site, sender)
    if (fault !== undefined) return fault
    const { settings } = this.#options
    if (site === settings.site) return `this site is called "${site}", too: each needs a name of its own`
    return settings.isLetIn(sender) ? undefined : 'it is not among the senders that are let in here'
  }

  #begin(store: ReceiveStore, line: Line, hello: Hello): void {
    const sender = store.sender(hello.sender) as Sender
    const made = new ReceiverLine({
      line,
      hello,
      sender,
      intake: this.#intake,
      codec: this.#options.settings.codec.name,
      windowBytes: this.#options.settings.windowBytes,
      hasRoom: () => this.#hasRoom,
      opened: () => this.#options.listener.opened(),
      repeated: () => this.#repeated.add(),
      received: () => this.#received.add(),
      failed: (error) => this.#failedLine(sender, error),
    })
    if (!sender.isOf(hello)) return made.close('FENCED', 'a newer run of this sender has taken its place')
    this.#lines.get(sender)?.close('BUSY', 'a newer connection of this sender has taken its place')
    this.#lines.set(sender, made)
    this.#open.add(made)
    if (!this.#intake.isOpen) line.pause()
    const { logger } = this.#options.context
    logger.info('a sender is connected', { sender: sender.name, address: line.peer.address })
    void line.closed.then(({ reason }) => {
      this.#open.delete(made)
      if (this.#lines.get(sender) === made) this.#lines.delete(sender)
      logger.info('a sender is gone', { sender: sender.name, address: line.peer.address, reason })
    })
  }

  #lineOf({ place }: StreamLog): ReceiverLine | undefined {
    const sender = this.#opened?.store.sender(place.sender)
    if (sender === undefined || sender.record?.generation !== place.generation) return undefined
    return this.#lines.get(sender)
  }

  #troubled(stream: StreamLog, error: unknown): void {
    this.#lineOf(stream)?.close('BUSY', `its log cannot be written: ${reasonOf(error)}`)
    const isFirst = this.#inTrouble.size === 0
    this.#inTrouble.add(stream)
    this.#tellTrouble()
    if (!isFirst) return
    const reason = reasonOf(error)
    this.#options.context.logger.warn('received batches cannot be written: trying again', { stream: stream.id, reason })
  }

  #recovered(stream: StreamLog): void {
    if (!this.#inTrouble.delete(stream)) return
    this.#tellTrouble()
    if (this.#inTrouble.size === 0) this.#options.context.logger.info('received batches can be written again')
  }

  #tellTrouble(): void {
    this.#options.context.metrics.gauge('logsInTrouble').set(this.#inTrouble.size)
  }

  #failedLine(sender: Sender, error: unknown): void {
    const reason = reasonOf(error)
    this.#options.context.logger.warn('a stream cannot be opened', { sender: sender.name, reason })
  }
}

function refuse(code: string, reason: string): Refuse {
  return { kind: 'refuse', code, reason }
}
