// A receiver that is plainly right: batches in arrays, what is acknowledged kept, what is not lost in a crash.

import { uncompressSync } from 'snappy'
import type { Line } from '../../../../../src/connectors/relay/line/line.ts'
import { LineServer } from '../../../../../src/connectors/relay/line/line-server.ts'
import { msgpackRecords } from '../../../../../src/connectors/relay/queue/record-codec.ts'
import type { Batch, Hello, Message, OpenStream } from '../../../../../src/connectors/relay/wire/messages.ts'
import type { Clock } from '../../../../../src/util/clock.ts'

/** A stream of one incarnation. */
interface Held {
  readonly origin: number
  readonly batches: { readonly records: readonly unknown[]; readonly firstRecord: number }[]
  /** So many of them are on the disk. */
  durable: number
}

interface Life {
  readonly incarnation: string
  session: number
  tokenOf?: number
  token?: string
  formerToken?: string
  isUsed?: boolean
  readonly streams: Map<string, Held>
}

export interface ModelOptions {
  readonly clock: Clock
  readonly windowBytes?: number
  readonly compressions?: readonly string[]
  readonly frameBytesMax?: number
}

export class ModelReceiver {
  /** Of the one sender, the latest last. */
  lives: Life[] = []
  readonly faults: string[] = []
  batches = 0
  /** The streams of batches as they came. */
  readonly arrivals: string[] = []
  compressed = 0
  /** Batches are taken and not acknowledged while this is so. */
  silent = false
  refusals = 0
  /** Refuses who comes, if it is set. */
  refuse: { readonly code: string; readonly reason: string } | undefined
  /** What it says it wants, whatever it has. */
  wants: number | undefined
  /** Acknowledges so many batches too many. */
  boasts = 0
  refuseStreams: { readonly code: string; readonly reason: string } | undefined
  readonly #options: ModelOptions
  readonly #lines = new Set<ModelLine>()
  #server: LineServer | undefined
  #port = 0

  constructor(options: ModelOptions) {
    this.#options = options
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`
  }

  async listen(): Promise<void> {
    const { clock, compressions = ['snappy'], frameBytesMax = 8 << 20 } = this.#options
    const listen = { host: '127.0.0.1', port: this.#port, connector: 'model', connectionsMax: 64 }
    const server = await LineServer.listen(
      listen,
      (hello) => {
        const refusal = this.refuse ?? this.#judge(hello)
        if (refusal !== undefined) {
          this.refusals += 1
          return { kind: 'refuse', ...refusal }
        }
        const former = Buffer.from(this.lives.at(-2)?.incarnation ?? '', 'hex')
        const limits = { frameBytesMax, plainBytesMax: 16 << 20, heartbeatMs: 5000 }
        return {
          kind: 'welcome',
          version: 1,
          site: 'model',
          compressions,
          ...limits,
          release: '',
          former,
          token: this.#token(hello),
        }
      },
      { clock, onLine: (line) => this.#begin(line) },
    )
    this.#server = server
    this.#port = server.address.port
  }

  /** Everything that was acknowledged, or would have been, by stream, lives one after the other. */
  read(): Record<string, unknown[]> {
    const all: Record<string, unknown[]> = {}
    for (const { streams } of this.lives) {
      for (const [name, { batches }] of streams) {
        // A stream may be opened before anything of it is published.
        if (batches.length === 0) continue
        all[name] ??= []
        for (const { records } of batches) all[name].push(...records)
      }
    }
    return all
  }

  count(): number {
    return Object.values(this.read()).reduce((sum, records) => sum + records.length, 0)
  }

  /** Ends all lines; the next ones find everything as it is. */
  cut(): void {
    for (const { line } of [...this.#lines]) line.close('', 'cut')
  }

  /** Power off: what was not acknowledged is gone. Comes back at the same port with listen(). */
  async crash(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    await server?.close()
    for (const { streams } of this.lives) for (const held of streams.values()) held.batches.length = held.durable
  }

  /** Acknowledges what it was silent about. */
  speak(): void {
    this.silent = false
    for (const line of this.#lines) line.acknowledgeAll()
  }

  async close(): Promise<void> {
    await this.#server?.close()
  }

  #judge(hello: Hello): { code: string; reason: string } | undefined {
    const incarnation = Buffer.from(hello.incarnation).toString('hex')
    const at = this.lives.findIndex((life) => life.incarnation === incarnation)
    const life = this.lives[at]
    if (life === undefined) {
      this.lives.push({ incarnation, session: hello.session, streams: new Map() })
    } else if (at < this.lives.length - 1 || hello.session < life.session) {
      return { code: 'FENCED', reason: 'a later one has come' }
    } else life.session = hello.session
    this.cut()
    return undefined
  }

  /** As a receiver gives it: another one for each session. */
  #token({ session, tokens }: Hello): string {
    const life = this.lives.at(-1) as Life
    const isKnown = !life.isUsed || [life.token, life.formerToken].some((one) => tokens.includes(one ?? '-'))
    if (!isKnown) this.faults.push(`session ${session} has none of the tokens`)
    const formerToken = tokens.includes(life.token ?? '-') ? life.token : life.formerToken
    if (life.tokenOf !== session) Object.assign(life, { tokenOf: session, formerToken, token: `t${session}` })
    return life.token as string
  }

  #begin(line: Line): void {
    const life = this.lives.at(-1) as Life
    const model = new ModelLine(line, life, this, this.#options.windowBytes ?? 1 << 20)
    this.#lines.add(model)
    void line.closed.then(() => this.#lines.delete(model))
  }
}

class ModelLine {
  readonly line: Line
  readonly #life: Life
  readonly #model: ModelReceiver
  readonly #windowBytes: number
  readonly #streams = new Map<
    number,
    { readonly name: string; readonly held: Held; received: number; granted: number }
  >()
  #gone = false

  constructor(line: Line, life: Life, model: ModelReceiver, windowBytes: number) {
    this.line = line
    this.#life = life
    this.#model = model
    this.#windowBytes = windowBytes
    line.onFrame = (message, body) => this.#take(message, body)
    void line.closed.then(() => {
      this.#gone = true
    })
  }

  acknowledgeAll(): void {
    for (const number of this.#streams.keys()) this.#acknowledge(number)
  }

  #take(message: Message, body: Buffer): void {
    if (this.#gone || this.#model.lives.at(-1) !== this.#life) return
    if (message.kind === 'openStream') this.#open(message)
    else if (message.kind === 'batch') this.#batch(message, body)
    else this.#fault(`got ${message.kind}`)
  }

  #open(open: OpenStream): void {
    const refusal = this.#model.refuseStreams
    if (refusal !== undefined) {
      this.line.send({ kind: 'streamRefused', stream: open.stream, ...refusal })
      return
    }
    Object.assign(this.#life, { isUsed: true, formerToken: undefined })
    const held: Held = this.#life.streams.get(open.name) ?? this.#held(open)
    // What it says it has is on its disk.
    held.durable = held.batches.length
    const next = this.#model.wants ?? held.origin + held.durable
    this.#life.streams.set(open.name, held)
    this.#streams.set(open.stream, { name: open.name, held, received: 0, granted: this.#windowBytes })
    this.line.send({ kind: 'streamOpened', stream: open.stream, next, credit: this.#windowBytes })
  }

  /** What the life before has of what is common to both is not wanted again. */
  #held({ name, first, common }: OpenStream): Held {
    const former = this.#model.lives.at(-2)?.streams.get(name)
    if (former === undefined) return { origin: first, batches: [], durable: 0 }
    former.durable = former.batches.length
    return { origin: Math.max(first, Math.min(common, former.origin + former.durable)), batches: [], durable: 0 }
  }

  #batch(batch: Batch, body: Buffer): void {
    const stream = this.#streams.get(batch.stream)
    if (stream === undefined) return this.#fault('a batch of no stream')
    const { held } = stream
    if (stream.received >= stream.granted) this.#fault('a batch without credit')
    stream.received += body.length
    const next = held.origin + held.batches.length
    if (batch.sequence !== next) return this.#fault(`batch ${batch.sequence} instead of ${next}`)
    const plain = batch.compression === 'snappy' ? (uncompressSync(body) as Buffer) : body
    if (plain.length !== batch.plainBytes) this.#fault('the size is not what was declared')
    const records = msgpackRecords.decode(plain)
    if (records.length !== batch.count) this.#fault('the count is not what was declared')
    const last = held.batches.at(-1)
    if (last !== undefined && batch.firstRecord !== last.firstRecord + last.records.length)
      this.#fault(`record ${batch.firstRecord} behind ${last.firstRecord} and ${last.records.length}`)
    held.batches.push({ records, firstRecord: batch.firstRecord })
    this.#model.batches += 1
    this.#model.arrivals.push(stream.name)
    if (batch.compression !== '') this.#model.compressed += 1
    if (!this.#model.silent) this.#acknowledge(batch.stream)
  }

  #acknowledge(number: number): void {
    const stream = this.#streams.get(number)
    if (stream === undefined || this.#gone) return
    stream.held.durable = stream.held.batches.length
    stream.granted = stream.received + this.#windowBytes
    const next = stream.held.origin + stream.held.durable + this.#model.boasts
    this.line.send({ kind: 'ack', stream: number, next, credit: stream.granted })
  }

  #fault(what: string): void {
    this.#model.faults.push(what)
    this.line.close('PROTOCOL', what)
  }
}
