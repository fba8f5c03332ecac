// Both ends of lines for tests: a server that notes what comes, and what a sender says.

import { dial } from '../../../../../src/connectors/relay/line/dial.ts'
import type { LineEnd } from '../../../../../src/connectors/relay/line/frame-socket.ts'
import type { Line } from '../../../../../src/connectors/relay/line/line.ts'
import { type Greet, LineServer } from '../../../../../src/connectors/relay/line/line-server.ts'
import type { DialOptions, ListenOptions } from '../../../../../src/connectors/relay/line/options.ts'
import type { Batch, Hello, Message, Welcome } from '../../../../../src/connectors/relay/wire/messages.ts'
import { type Clock, systemClock } from '../../../../../src/util/clock.ts'

export const HELLO: Hello = {
  kind: 'hello',
  version: 1,
  site: 'east',
  sender: 'east/orders/out',
  incarnation: new Uint8Array(16).fill(7),
  session: 1,
  compressions: ['snappy', 'later'],
  frameBytesMax: 8_388_608,
  release: 'test',
  tokens: [],
}

export const WELCOME: Welcome = {
  kind: 'welcome',
  version: 1,
  site: 'west',
  compressions: ['snappy'],
  frameBytesMax: 8_388_608,
  plainBytesMax: 16_777_216,
  heartbeatMs: 60_000,
  release: 'test',
  former: new Uint8Array(16).fill(6),
  token: 'aa',
}

export function batch(sequence: number): Batch {
  return {
    kind: 'batch',
    stream: 1,
    sequence,
    firstRecord: sequence * 10,
    count: 10,
    atMs: 5,
    compression: '',
    plainBytes: 9,
  }
}

/** A server and what came to it. */
export interface TestServer {
  readonly server: LineServer
  readonly lines: Line[]
  readonly got: { readonly message: Message; readonly body: Buffer }[]
  readonly ends: LineEnd[]
  readonly refused: string[]
}

export async function serve(
  options: Partial<ListenOptions> = {},
  greet: Greet = () => WELCOME,
  clock: Clock = systemClock,
  answer: (line: Line, message: Message) => void = () => undefined,
): Promise<TestServer> {
  const made = { lines: [], got: [], ends: [], refused: [] } as Omit<TestServer, 'server'>
  const whole = { host: '127.0.0.1', port: 0, connector: 'relaySource', connectionsMax: 64, ...options }
  const server = await LineServer.listen(whole, greet, {
    clock,
    onLine(line) {
      made.lines.push(line)
      line.onFrame = (message, body) => {
        made.got.push({ message, body })
        answer(line, message)
      }
      void line.closed.then((end) => made.ends.push(end))
    },
    onRefused: (_address, reason) => made.refused.push(reason),
  })
  return { server, ...made }
}

/** Dials a port of 127.0.0.1; what comes is noted. */
export async function connect(port: number, options: Partial<DialOptions> = {}, hello = HELLO, clock = systemClock) {
  const target = { host: '127.0.0.1', port, connector: 'relaySink', ...options }
  const { line, welcome } = await dial(target, hello, { clock, signal: new AbortController().signal })
  const got: Message[] = []
  line.onFrame = (message) => got.push(message)
  return { line, welcome, got }
}

/** Until a condition holds, which events that are awaited bring about. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
}
