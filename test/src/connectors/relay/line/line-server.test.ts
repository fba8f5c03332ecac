import { connect as connectPlain, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { ManualClock } from '../../../../../runtime/testing/manual-clock.ts'
import { dial } from '../../../../../src/connectors/relay/line/dial.ts'
import type { Greet } from '../../../../../src/connectors/relay/line/line-server.ts'
import type { ListenOptions } from '../../../../../src/connectors/relay/line/options.ts'
import { encodeFrame } from '../../../../../src/connectors/relay/wire/frame.ts'
import type { Hello } from '../../../../../src/connectors/relay/wire/messages.ts'
import { systemClock } from '../../../../../src/util/clock.ts'
import { seededRng } from '../../../../../src/util/rng.ts'
import { CertificateAuthority } from '../../../../support/certificates.ts'
import { batch, connect, HELLO, serve, until, WELCOME } from './line-ends.ts'

const full = process.env.MILLRACE_FULL === '1'
const ours = new CertificateAuthority('ours')
const tls = { ca: ours.cert, ...ours.issue({ commonNames: ['receiver'], addresses: ['127.0.0.1'] }) }
const closers: (() => Promise<unknown> | undefined)[] = []

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function listen(options: Partial<ListenOptions> = {}, greet?: Greet) {
  const made = await serve(options, greet)
  closers.push(() => made.server.close())
  return { ...made, port: made.server.address.port }
}

/** Connects and says nothing; its end of the connection is closed when the server's is. */
function stranger(port: number): Promise<Socket> {
  const socket = connectPlain(port, '127.0.0.1').resume()
  socket.on('error', () => undefined)
  closers.push(async () => void socket.destroy())
  return new Promise((resolve) => {
    socket.on('connect', () => resolve(socket))
    socket.on('close', () => resolve(socket))
  })
}

describe('a hello', () => {
  test.each<[string, Partial<Hello>, string, RegExp]>([
    ['of another version', { version: 2 }, 'VERSION', /speaks version 1 of the wire, not 2/],
    ['without a site', { site: '', sender: '/a/b' }, 'PROTOCOL', /site/],
    ['whose site is no name', { site: 'a b', sender: 'a b/c/d' }, 'PROTOCOL', /site/],
    ['for another site', { sender: 'north/orders/out' }, 'PROTOCOL', /not of its site/],
    ['with a short incarnation', { incarnation: new Uint8Array(15) }, 'PROTOCOL', /15 bytes/],
    ['that takes no frames', { frameBytesMax: 100 }, 'PROTOCOL', /frames of 100 bytes/],
  ])('%s is refused', async (_what, wrong, code, reason) => {
    const { port, refused, lines } = await listen()
    const failure = connect(port, {}, { ...HELLO, ...wrong })
    await expect(failure).rejects.toMatchObject({ code, fatal: false, reason: expect.stringMatching(reason) })
    expect(refused).toEqual([expect.stringMatching(reason)])
    expect(lines).toEqual([])
  })

  test('is judged by the owner; a refusal says whether trying again may help', async () => {
    const { port } = await listen({}, async ({ session }) =>
      session === 1
        ? { kind: 'refuse', code: 'FENCED', reason: 'a newer session is 2' }
        : session === 2
          ? { kind: 'refuse', code: 'A_LATER_CODE', reason: 'of a later release' }
          : Promise.reject(new Error('the disk is full')),
    )
    const answer = (session: number) => connect(port, {}, { ...HELLO, session })
    await expect(answer(1)).rejects.toMatchObject({ code: 'FENCED', fatal: true, reason: /a newer session is 2/ })
    await expect(answer(2)).rejects.toMatchObject({ code: 'A_LATER_CODE', fatal: false })
    await expect(answer(3)).rejects.toMatchObject({ code: 'BUSY', fatal: false, reason: /the disk is full/ })
  })

  test('that ends before it is answered makes no line', async () => {
    const answers: (() => void)[] = []
    const { port, server, lines } = await listen(
      {},
      () => new Promise((resolve) => answers.push(() => resolve(WELCOME))),
    )
    const aborted = new AbortController()
    const socket = connectPlain(port, '127.0.0.1')
    for (const piece of encodeFrame(HELLO)) socket.write(piece)
    await until(() => answers.length === 1)
    socket.resetAndDestroy()
    await until(() => server.connections === 0)
    answers[0]?.()
    aborted.abort()
    await connectedAfter(() => answers.at(-1)?.(), port)
    expect(lines).toHaveLength(1)
  })

  async function connectedAfter(answer: () => void, port: number): Promise<void> {
    const connecting = connect(port)
    const timer = setInterval(answer, 5)
    closers.push(async () => clearInterval(timer))
    await connecting
  }
})

describe('a welcome', () => {
  test.each([
    ['of another version', { version: 3 }, /speaks version 3/],
    ['with a heartbeat of none', { heartbeatMs: 0 }, /heartbeat of 0 ms/],
    ['with no room for a batch', { plainBytesMax: 0 }, /no bytes/],
    ['with no room for a frame', { frameBytesMax: 65_535 }, /65535 bytes/],
  ])('%s is refused', async (_what, wrong, reason) => {
    const { port } = await listen({}, () => ({ ...WELCOME, ...wrong }))
    await expect(connect(port)).rejects.toMatchObject({ code: 'PROTOCOL', reason: expect.stringMatching(reason) })
  })
})

describe('dialling', () => {
  test('stops at once when it is told to, with the reason that it is told', async () => {
    const greet: Greet = () => new Promise(() => undefined)
    const { port, server } = await listen({}, greet)
    const target = { host: '127.0.0.1', port, connector: 'relaySink' }
    const stop = new AbortController()
    const dialling = dial(target, HELLO, { clock: systemClock, signal: stop.signal })
    await until(() => server.connections === 1)
    const reason = new Error('the job stops')
    stop.abort(reason)
    await expect(dialling).rejects.toBe(reason)
    await until(() => server.connections === 0)
    await expect(dial(target, HELLO, { clock: systemClock, signal: stop.signal })).rejects.toBe(reason)
    expect(server.connections).toBe(0)
  })

  test('tells what cannot be reached, and gives up when told to or when no welcome comes', async () => {
    const { port, server } = await listen({}, () => new Promise(() => undefined))
    await expect(connect(port, { handshakeTimeoutMs: 30 })).rejects.toMatchObject({
      code: 'UNREACHABLE',
      reason: `no welcome from 127.0.0.1:${port} within 30 ms`,
    })
    await until(() => server.connections === 0)
    await server.close()
    await expect(connect(port)).rejects.toMatchObject({ code: 'UNREACHABLE', reason: /ECONNREFUSED/ })
    // Of a name with two addresses, too.
    await expect(connect(port, { host: 'localhost' })).rejects.toMatchObject({ reason: /ECONNREFUSED/ })
  })
})

describe('a server', () => {
  test('I1. closes connections beyond its most, and has room again when one ends', async () => {
    const { port, lines, refused } = await listen({ connectionsMax: 2 })
    const { line } = await connect(port)
    await connect(port)
    await expect(connect(port)).rejects.toMatchObject({ fatal: false })
    expect(refused).toEqual(['there are 2 connections already'])
    line.close()
    await line.closed
    await until(() => lines.length === 2)
    await expect(connectAgain(port)).resolves.toBeDefined()
  })

  /** A place may be free a moment later at the server than here. */
  async function connectAgain(port: number): Promise<unknown> {
    for (;;) {
      const made = await connect(port).catch(() => undefined)
      if (made !== undefined) return made
    }
  }

  test.each([
    ['plain', {}],
    ['with TLS', { tls }],
  ])(
    'I1, I2. %s survives thousands that say nothing, and lets the honest in after the handshake time',
    async (_what, security) => {
      const { port, server } = await listen({ ...security, connectionsMax: 8, handshakeTimeoutMs: 200 })
      const before = process.memoryUsage().rss
      const count = full ? 8000 : 2000
      let most = 0
      for (let made = 0; made < count; made += 100) {
        await Promise.all(Array.from({ length: 100 }, () => stranger(port)))
        most = Math.max(most, server.connections)
      }
      // One that is closed counts until it is told to be.
      expect(most).toBeLessThanOrEqual(16)
      expect(process.memoryUsage().rss - before).toBeLessThan(50 * 2 ** 20)
      const psk = 'tls' in security ? { tls: { ca: ours.cert, ...ours.issue({ commonNames: ['east'] }) } } : {}
      for (;;) {
        const made = await connect(port, psk).catch(() => undefined)
        if (made !== undefined) break
      }
    },
  )

  test('tells of ten refusals each ten seconds, however many there are', async () => {
    const clock = new ManualClock(1_000_000)
    const { server, refused } = await serve({}, undefined, clock)
    closers.push(() => server.close())
    const refuse = () => connect(server.address.port, {}, { ...HELLO, version: 9 }).catch(() => undefined)
    for (let count = 0; count < 15; count += 1) await refuse()
    expect(refused).toHaveLength(10)
    clock.advance(10_000)
    await refuse()
    expect(refused).toHaveLength(11)
  })

  test('I2. does not count the time that its owner takes to answer a hello', async () => {
    const clock = new ManualClock()
    const answers: (() => void)[] = []
    const greet: Greet = () => new Promise((resolve) => answers.push(() => resolve(WELCOME)))
    const { server } = await serve({}, greet, clock)
    closers.push(() => server.close())
    const connecting = connect(server.address.port)
    await until(() => answers.length === 1)
    clock.advance(60_000)
    answers[0]?.()
    await expect(connecting).resolves.toBeDefined()
  })

  test('survives what anyone may send, before the handshake and after it', async () => {
    const { port, server, lines } = await listen({ connectionsMax: 1000 })
    const rng = seededRng(5)
    const hello = Buffer.concat(encodeFrame(HELLO))
    const more = Buffer.concat([
      ...encodeFrame(batch(1), Buffer.alloc(300, 1)),
      ...encodeFrame({ kind: 'ping', nonce: 1 }),
    ])
    for (let run = 0; run < (full ? 5000 : 400); run += 1) {
      const socket = await stranger(port)
      const isFirst = rng.int(2) === 0
      const bytes = Buffer.from(isFirst ? hello : more)
      for (let times = 1 + rng.int(4); times > 0; times -= 1) bytes.writeUInt8(rng.int(256), rng.int(bytes.length))
      const sent = isFirst ? bytes : Buffer.concat([hello, bytes])
      socket.end(sent.subarray(0, rng.int(4) === 0 ? rng.int(sent.length) : sent.length))
      if (server.connections > 50) await until(() => server.connections <= 50)
    }
    await until(() => server.connections === 0)
    expect(lines.length).toBeGreaterThan(100)
    await connect(port)
  })

  test('takes a frame of 64 KiB at most before the handshake is over, and larger ones after', async () => {
    const { port, got } = await listen()
    const socket = await stranger(port)
    const head = Buffer.alloc(12)
    head.writeUInt32LE(65_537, 0)
    head.writeUInt32LE(10, 4)
    socket.write(head)
    await new Promise((resolve) => socket.on('close', resolve))
    const { line } = await connect(port)
    line.send(batch(1), Buffer.alloc(1 << 20))
    await until(() => got.length === 1)
  })

  test('that closes tells its lines, and is gone when they are', async () => {
    const { port, server, ends } = await listen()
    const { line } = await connect(port)
    const idle = await stranger(port)
    await server.close()
    await expect(line.closed).resolves.toEqual({ reason: 'the receiver stops' })
    expect(server.connections).toBe(0)
    expect(ends).toEqual([{ reason: 'the receiver stops' }])
    await until(() => idle.destroyed)
  })

  test('says by name what it cannot listen on', async () => {
    const { port } = await listen()
    await expect(serve({ port })).rejects.toMatchObject({
      code: 'IO',
      message: expect.stringContaining(`listen on 127.0.0.1:${port}`),
    })
    await expect(serve({ tls, psk: { keys: {} } })).rejects.toMatchObject({ code: 'CONNECTOR_OPTION' })
  })
})
