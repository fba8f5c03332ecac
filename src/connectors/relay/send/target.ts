// Target: one receiver that the sender brings its queue to, over one connection after another.
//
// Owns: connecting, again and again; how far each stream has come; what is told of that.
// Does not own: the queue (outbox), a connection's work (target-line).
//
// I1. At most one connection at a time. What can heal is tried again for ever, with growing waits; what cannot fails the sink.
// I2. A reason is told once, until it changes or the line has been well for a while.

import type { RuntimeContext } from '../../../contract/runtime-context.ts'
import { MillraceError } from '../../../errors.ts'
import type { Clock } from '../../../util/clock.ts'
import { failpoint } from '../../../util/failpoint.ts'
import { dial } from '../line/dial.ts'
import { WIRE_VERSION } from '../line/handshake.ts'
import { LineFailure } from '../line/line-failure.ts'
import type { Hello } from '../wire/messages.ts'
import { readAcked, writeAcked } from './acked-file.ts'
import { CompressionChoice } from './compression.ts'
import { Cursor } from './cursor.ts'
import type { RelaySinkSettings, TargetSettings } from './options.ts'
import type { OutboundStream } from './outbound-stream.ts'
import type { Outbox } from './outbox.ts'
import { commonWith } from './sender-identity.ts'
import type { Compress } from './snappy.ts'
import { TargetLine } from './target-line.ts'
import { readTokens } from './tokens-file.ts'

export interface TargetOptions<T> {
  readonly index: number
  readonly target: TargetSettings
  readonly settings: RelaySinkSettings<T>
  readonly context: RuntimeContext
  readonly outbox: Outbox<T>
  readonly sender: string
  readonly compress: Compress | undefined
  /** In [0, 1). */
  readonly random: () => number
  /** It has more. */
  readonly progressed: () => void
}

const RECONNECT_MS_MIN = 100
/** A line that was well for so long begins anew with waits and warnings. */
const WELL_MS = 10_000

export class Target<T> {
  readonly name: string
  readonly #options: TargetOptions<T>
  readonly #clock: Clock
  readonly #cursors: Cursor[] = []
  readonly #cursorOf = new Map<OutboundStream<T>, Cursor>()
  readonly #choice = new CompressionChoice()
  readonly #stop = new AbortController()
  #line: TargetLine | undefined
  #running: Promise<void> = Promise.resolve()
  #isConnected = false
  #bytesOut = 0
  #takeBytesOut: (() => number) | undefined
  #reason: string | undefined
  #isToldUp = false
  #waitMs = RECONNECT_MS_MIN
  #wakeWait: (() => void) | undefined
  #isNoted = true

  private constructor(options: TargetOptions<T>) {
    this.#options = options
    this.name = options.target.name
    this.#clock = options.context.clock
  }

  /** Remembers what the target had, and begins to connect. Throws LOG_CORRUPT, IO. */
  static async start<T>(options: TargetOptions<T>): Promise<Target<T>> {
    const target = new Target(options)
    await target.#remember()
    target.#running = target.#run()
    return target
  }

  get cursors(): readonly Cursor[] {
    return this.#cursors
  }

  get compressionRatio(): number {
    return this.#choice.isOn || this.#options.settings.compression === 'snappy' ? this.#choice.ratio : 1
  }

  /** Bytes sent since the first connection. */
  get bytesOut(): number {
    return this.#bytesOut + (this.#takeBytesOut?.() ?? 0)
  }

  /** Something was published. */
  wake(): void {
    this.#addCursors()
    const now = this.#clock.now()
    for (const cursor of this.#cursors) if (cursor.kept.next < cursor.stream.published) cursor.noticed(now)
    this.#line?.wake()
  }

  /** Notes durably what the target has acknowledged. Throws IO. */
  async note(): Promise<void> {
    if (this.#isNoted) return
    this.#isNoted = true
    const { outbox } = this.#options
    const streams = this.#cursors.flatMap(({ stream, kept }) =>
      kept.isAcked ? [[stream.name, kept.next, kept.record] as const] : [],
    )
    const { incarnation } = outbox.identity
    await writeAcked(outbox.ackedFolder, { format: 1, target: this.name, incarnation, streams })
    failpoint('relay.acked.after')
  }

  async close(): Promise<void> {
    this.#stop.abort(new LineFailure('CLOSED', 'the sink was closed'))
    this.#wakeWait?.()
    this.#line?.end()
    await this.#running
    await Promise.all(this.#cursors.map((cursor) => cursor.close()))
  }

  async #remember(): Promise<void> {
    const { outbox, index } = this.#options
    const file = await readAcked(outbox.ackedFolder, this.name)
    const isOf = file?.incarnation === outbox.identity.incarnation
    for (const [name, next, record] of file?.streams ?? []) {
      const stream = outbox.streams.get(name)
      const common = commonWith(outbox.identity, file?.incarnation ?? '', name)
      if (stream !== undefined) stream.remember(index, { next: Math.min(next, common), record, isAcked: isOf })
    }
    this.#addCursors()
    for (const cursor of this.#cursors) {
      await cursor.look()
      await cursor.close()
    }
  }

  #addCursors(): void {
    const { outbox, index } = this.#options
    if (this.#cursors.length === outbox.streams.size) return
    for (const stream of outbox.streams.values()) {
      if (this.#cursorOf.has(stream)) continue
      const cursor = new Cursor(stream, index)
      this.#cursorOf.set(stream, cursor)
      this.#cursors.push(cursor)
    }
  }

  async #run(): Promise<void> {
    try {
      while (!this.#stop.signal.aborted) {
        const failure = await this.#connection()
        if (this.#stop.signal.aborted) return
        if (failure.fatal) return this.#refused(failure)
        this.#tell(failure.reason)
        await this.#wait()
      }
    } catch (error) {
      // The queue itself cannot be read.
      this.#options.outbox.fail(error)
    }
  }

  /** One connection, from its first packet to its end. */
  async #connection(): Promise<LineFailure> {
    const { target, context, outbox, settings, compress } = this.#options
    const startedAt = this.#clock.monotonic()
    try {
      const { line, welcome } = await dial(target, this.#hello(await readTokens(outbox.folder)), {
        clock: this.#clock,
        signal: this.#stop.signal,
      })
      const former = Buffer.from(welcome.former).toString('hex')
      this.#choice.connected()
      this.#addCursors()
      this.#takeBytesOut = () => line.traffic.bytesOut
      this.#line = new TargetLine({
        line,
        codec: settings.codec.name,
        clock: this.#clock,
        cursors: this.#cursors,
        commonOf: (stream) => commonWith(outbox.identity, former, stream),
        compress: line.limits.compressions.includes('snappy') ? compress : undefined,
        choice: this.#choice,
        always: settings.compression === 'snappy',
        sent: (isResent) => {
          context.metrics.counter('batchesSent').add()
          if (isResent) context.metrics.counter('batchesResent').add()
        },
        acked: (cursor) => {
          this.#waitMs = RECONNECT_MS_MIN
          this.#has(cursor)
        },
        opened: (cursor) => this.#has(cursor),
      })
      this.#isConnected = true
      await outbox.keepToken(this.name, welcome.token).catch((error: unknown) => {
        line.close()
        throw error
      })
      this.#tellUp()
      return await this.#line.run()
    } catch (error) {
      if (error instanceof LineFailure) return error
      throw error
    } finally {
      this.#disconnected(startedAt)
    }
  }

  #disconnected(startedAt: number): void {
    if (this.#isConnected) {
      this.#bytesOut = this.bytesOut
      this.#options.context.metrics.counter('reconnects').add()
      if (this.#clock.monotonic() - startedAt >= WELL_MS) this.#reason = undefined
    }
    this.#takeBytesOut = undefined
    this.#isConnected = false
    this.#line = undefined
    for (const cursor of this.#cursors) cursor.detach()
  }

  #hello(tokens: ReadonlyMap<string, string>): Hello {
    const { settings, sender, outbox, compress } = this.#options
    return {
      kind: 'hello',
      version: WIRE_VERSION,
      site: settings.site,
      sender,
      incarnation: Buffer.from(outbox.identity.incarnation, 'hex'),
      session: outbox.identity.session,
      compressions: compress === undefined ? [] : ['snappy'],
      frameBytesMax: settings.frameBytesMax,
      release: '',
      tokens: [...tokens.values()],
    }
  }

  #has(cursor: Cursor): void {
    this.#isNoted = false
    this.#options.outbox.acknowledged(cursor.stream as OutboundStream<T>)
    this.#options.progressed()
  }

  #refused({ code, reason }: LineFailure): void {
    const { context, sender, outbox } = this.#options
    const details = { node: context.node, target: `target "${this.name}"`, sender, reason: `${code}: ${reason}` }
    outbox.fail(new MillraceError('RELAY_REFUSED', details))
  }

  #tellUp(): void {
    if (this.#isToldUp) return
    this.#isToldUp = true
    this.#options.context.logger.info(`the line to target "${this.name}" is up`, { target: this.name })
  }

  #tell(reason: string): void {
    if (reason === this.#reason) return
    this.#reason = reason
    this.#isToldUp = false
    this.#options.context.logger.warn(`no line to target "${this.name}", trying again: ${reason}`, {
      target: this.name,
    })
  }

  /** Half of the wait is by chance, so that many senders do not come at once. */
  async #wait(): Promise<void> {
    const delayMs = this.#waitMs * (0.5 + this.#options.random() / 2)
    this.#waitMs = Math.min(this.#options.settings.reconnectMaxMs, this.#waitMs * 2)
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.schedule(delayMs, resolve)
      this.#wakeWait = () => {
        cancel()
        resolve()
      }
    })
    this.#wakeWait = undefined
  }
}
