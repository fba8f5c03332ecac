// A sender's half of the line, message by message: what a relaySink does, or what nobody should.

import { dial } from '../../../../../src/connectors/relay/line/dial.ts'
import type { Line } from '../../../../../src/connectors/relay/line/line.ts'
import type { RelayPskOptions } from '../../../../../src/connectors/relay/line/options.ts'
import { msgpackRecords } from '../../../../../src/connectors/relay/queue/record-codec.ts'
import type {
  Ack,
  Batch,
  Hello,
  Message,
  OpenStream,
  StreamOpened,
  StreamRefused,
  Welcome,
} from '../../../../../src/connectors/relay/wire/messages.ts'
import { systemClock } from '../../../../../src/util/clock.ts'
import { deferred } from '../../../../../src/util/deferred.ts'

export const SENDER = 'south/orders/line'

/** An incarnation that is all one byte. */
export function incarnation(byte = 1): Uint8Array {
  return new Uint8Array(16).fill(byte)
}

export function helloOf(more: Partial<Hello> = {}): Hello {
  return {
    kind: 'hello',
    version: 1,
    site: 'south',
    sender: SENDER,
    incarnation: incarnation(),
    session: 1,
    compressions: ['snappy'],
    frameBytesMax: 8 << 20,
    release: '',
    tokens: [],
    ...more,
  }
}

/** What each incarnation was given last, as a sender keeps it. */
const tokens = new Map<string, string>()

/** A connection that was welcomed. */
export class TestSender {
  readonly line: Line
  readonly welcome: Welcome
  readonly acks: Ack[] = []
  readonly #answers = new Map<number, (answer: StreamOpened | StreamRefused) => void>()
  #heard = deferred()

  private constructor(line: Line, welcome: Welcome) {
    this.line = line
    this.welcome = welcome
    line.onFrame = (message) => this.#take(message)
    void line.closed.then(() => this.#tell())
  }

  /** Throws LineFailure where it is refused. */
  static async connect(port: number, hello: Partial<Hello> = {}, psk?: RelayPskOptions): Promise<TestSender> {
    const target = { host: '127.0.0.1', port, connector: 'test', psk }
    const tools = { clock: systemClock, signal: new AbortController().signal }
    const whole = helloOf(hello)
    const key = `${whole.sender} ${Buffer.from(whole.incarnation).toString('hex')}`
    const { line, welcome } = await dial(target, { ...whole, tokens: hello.tokens ?? [tokens.get(key) ?? ''] }, tools)
    tokens.set(key, welcome.token)
    return new TestSender(line, welcome)
  }

  open(name = 'main', more: Partial<OpenStream> = {}): Promise<StreamOpened | StreamRefused> {
    const stream = more.stream ?? 1
    const answered = new Promise<StreamOpened | StreamRefused>((resolve, reject) => {
      this.#answers.set(stream, resolve)
      void this.line.closed.then(({ code, reason }) => reject(new Error(`${code}: ${reason}`)))
    })
    const place = { first: 0, next: 1000, acked: 0, common: 0 }
    this.line.send({ kind: 'openStream', stream, name, codec: 'msgpack', ...place, ...more })
    return answered
  }

  /** Opens a stream that must be taken. */
  async begin(name = 'main', more: Partial<OpenStream> = {}): Promise<StreamOpened> {
    const answer = await this.open(name, more)
    if (answer.kind !== 'streamOpened') throw new Error(`${answer.code}: ${answer.reason}`)
    return answer
  }

  send(sequence: number, records: readonly unknown[], more: Partial<Batch> = {}, body?: Uint8Array): void {
    const bytes = body ?? Uint8Array.from(msgpackRecords.encode(records))
    const batch: Batch = {
      kind: 'batch',
      stream: 1,
      sequence,
      firstRecord: sequence * records.length,
      count: records.length,
      atMs: Date.now(),
      compression: '',
      plainBytes: bytes.length,
      ...more,
    }
    this.line.send(batch, bytes)
  }

  /** When everything before `next` is acknowledged. */
  async acked(next: number, stream = 1): Promise<Ack> {
    for (;;) {
      const ack = this.acks.findLast((one) => one.stream === stream && one.next >= next)
      if (ack !== undefined) return ack
      await this.heard()
    }
  }

  /** When anything came; throws when the line has ended. */
  async heard(): Promise<void> {
    const ended = await Promise.race([this.#heard.promise.then(() => undefined), this.line.closed])
    if (ended !== undefined) throw new Error(`${ended.code ?? ''}: ${ended.reason}`)
  }

  close(): void {
    this.line.close()
  }

  #take(message: Message): void {
    if (message.kind === 'ack') this.acks.push(message)
    if (message.kind === 'streamOpened' || message.kind === 'streamRefused')
      this.#answers.get(message.stream)?.(message)
    this.#tell()
  }

  #tell(): void {
    this.#heard.resolve()
    this.#heard = deferred()
  }
}
