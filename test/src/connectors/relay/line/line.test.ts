import { connect as connectPlain, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { ManualClock } from '../../../../../runtime/testing/manual-clock.ts'
import type { Line } from '../../../../../src/connectors/relay/line/line.ts'
import { encodeFrame, FrameDecoder } from '../../../../../src/connectors/relay/wire/frame.ts'
import type { Message } from '../../../../../src/connectors/relay/wire/messages.ts'
import { systemClock } from '../../../../../src/util/clock.ts'
import { FaultProxy } from '../../../../support/fault-proxy.ts'
import { batch, connect, HELLO, serve, until, WELCOME } from './line-ends.ts'

const HEARTBEAT_MS = 5000
const closers: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** Both ends of a line, maybe with a proxy between, on a clock that the test moves. */
async function pair(clock = systemClock, throughProxy = false) {
  const made = await serve({}, () => ({ ...WELCOME, heartbeatMs: HEARTBEAT_MS }), clock)
  closers.push(() => made.server.close())
  const { port } = made.server.address
  const proxy = throughProxy ? await FaultProxy.to(port) : undefined
  if (proxy !== undefined) closers.push(() => proxy.close())
  const { line, got } = await connect(proxy?.port ?? port, {}, HELLO, clock)
  await until(() => made.lines.length === 1)
  const far = made.lines[0] as Line
  // The first Ping of each end was answered.
  await until(() => line.traffic.roundTripMs !== undefined && far.traffic.roundTripMs !== undefined)
  return { ...made, near: line, far, gotNear: got, proxy }
}

/** A server that welcomes and then does what the test says with the socket. */
async function rawServer(then: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    closers.push(async () => socket.destroy())
    socket.on('error', () => undefined)
    socket.once('data', () => {
      for (const piece of encodeFrame(WELCOME)) socket.write(piece)
      then(socket)
    })
  }).listen(0, '127.0.0.1')
  closers.push(() => new Promise((resolve) => server.close(resolve)))
  await new Promise((resolve) => server.on('listening', resolve))
  return (server.address() as { port: number }).port
}

describe('a line', () => {
  test('carries messages and bodies in order, both ways', async () => {
    const { near, far, got, gotNear } = await pair()
    for (let sequence = 0; sequence < 200; sequence += 1) {
      near.send(batch(sequence), Buffer.alloc(sequence * 100, sequence))
      far.send({ kind: 'ack', stream: 1, next: sequence, credit: 0 })
    }
    await until(() => got.length === 200 && gotNear.length === 200)
    expect(got.map(({ message }) => message)).toEqual(Array.from({ length: 200 }, (_, sequence) => batch(sequence)))
    for (const [sequence, { body }] of got.entries())
      expect(body.equals(Buffer.alloc(sequence * 100, sequence))).toBe(true)
    expect(gotNear.map((message) => (message as { next: number }).next)).toEqual([...Array(200).keys()])
  })

  test('knows what both ends can', async () => {
    const greet = () => ({ ...WELCOME, frameBytesMax: 100_000, plainBytesMax: 77 })
    const { server } = await serve({}, greet)
    closers.push(() => server.close())
    const { line, welcome } = await connect(server.address.port)
    expect(line.limits).toEqual({ frameBytesMax: 100_000, plainBytesMax: 77, compressions: ['snappy'] })
    expect(welcome.site).toBe('west')
  })

  test('I4. says when its socket is full, and when it is not any more', async () => {
    const { near, got } = await pair()
    let sent = 0
    for (let full = 0; full < 20; sent += 1) {
      if (near.send(batch(sent), Buffer.alloc(65_536))) continue
      full += 1
      expect(near.traffic.queuedBytes).toBeGreaterThan(512 * 1024)
      await near.drained()
      expect(near.traffic.queuedBytes).toBeLessThanOrEqual(512 * 1024)
    }
    await until(() => got.length === sent)
    expect(near.traffic.queuedBytes).toBe(0)
  })

  test('tells how long bytes waited to go to the network, and does not count what went at once', async () => {
    let socket: Socket | undefined
    const port = await rawServer((one) => {
      socket = one.pause()
    })
    const { line } = await connect(port)
    await until(() => socket !== undefined)
    line.send(batch(1), Buffer.alloc(1000))
    await until(() => line.traffic.queuedBytes === 0)
    expect(line.traffic.blockedMs).toBe(0)
    // More than the buffers of both sockets take.
    for (let count = 0; count < 2; count += 1) line.send(batch(2), Buffer.alloc(8_000_000))
    await until(() => line.traffic.blockedMs > 20)
    const { blockedMs } = line.traffic
    socket?.resume()
    await until(() => line.traffic.queuedBytes === 0)
    const after = line.traffic.blockedMs
    expect(after).toBeGreaterThan(blockedMs)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(line.traffic.blockedMs).toBe(after)
    line.close()
  })

  test('I4. whose owner does not wait ends, before its memory does', async () => {
    const port = await rawServer((socket) => socket.pause())
    const { line } = await connect(port)
    let waiting = 0
    for (let sent = 0; sent < 1000 && waiting < 100_000_000; sent += 1) {
      line.send(batch(sent), Buffer.alloc(1 << 20))
      waiting = Math.max(waiting, line.traffic.queuedBytes)
    }
    expect(waiting).toBeLessThan(512 * 1024 + 3 * HELLO.frameBytesMax)
    await expect(line.closed).resolves.toMatchObject({ code: 'LIMIT', reason: expect.stringMatching(/does not read/) })
  })

  test('I2. answers a flood of Pings with what its peer reads', async () => {
    const port = await rawServer((socket) => {
      socket.pause()
      const ping = Buffer.concat(encodeFrame({ kind: 'ping', nonce: 1 }))
      const flood = Buffer.concat(Array(10_000).fill(ping))
      const more = (): void => {
        while (!socket.destroyed && socket.write(flood));
      }
      socket.on('drain', more)
      more()
    })
    const { line } = await connect(port)
    await until(() => line.traffic.bytesIn > 20_000_000)
    expect(line.traffic.queuedBytes).toBeLessThan(1 << 20)
    line.close()
    await line.closed
  })

  test('reads nothing while it is paused, which is no silence of the other end, and loses nothing', async () => {
    const clock = new ManualClock()
    const { near, far, got } = await pair(clock)
    far.pause()
    near.send(batch(0), Buffer.alloc(5_000_000))
    for (let beat = 0; beat < 10; beat += 1) {
      const { bytesIn } = near.traffic
      clock.advance(HEARTBEAT_MS)
      await until(() => near.traffic.bytesIn > bytesIn)
    }
    expect(got).toHaveLength(0)
    far.resume()
    await until(() => got.length === 1)
    far.pause()
    near.close('', 'ends')
    far.close('', 'ends, too')
    await expect(far.closed).resolves.toEqual({ reason: 'ends, too' })
  })

  test('counts bytes and knows how long a heartbeat takes', async () => {
    const { near, far, got } = await pair()
    const before = { near: near.traffic, far: far.traffic }
    near.send(batch(1), Buffer.alloc(1000))
    await until(() => got.length === 1)
    const bytes = Buffer.concat(encodeFrame(batch(1), Buffer.alloc(1000))).length
    expect(near.traffic.bytesOut - before.near.bytesOut).toBe(bytes)
    expect(far.traffic.bytesIn - before.far.bytesIn).toBe(bytes)
    expect(near.traffic.roundTripMs).toBeGreaterThan(0)
  })
})

describe('the end of a line', () => {
  test('is told to the other end, behind all that was sent', async () => {
    const { near, far, got } = await pair()
    for (let sequence = 0; sequence < 50; sequence += 1) near.send(batch(sequence), Buffer.alloc(100_000))
    near.close('BUSY', 'enough for today')
    expect(near.send(batch(51))).toBe(true)
    await expect(far.closed).resolves.toEqual({ code: 'BUSY', reason: 'enough for today' })
    await expect(near.closed).resolves.toEqual({ code: 'BUSY', reason: 'enough for today' })
    expect(got).toHaveLength(50)
    await far.drained()
  })

  test('comes within a second, whatever the other end does', async () => {
    const clock = new ManualClock()
    const port = await rawServer((socket) => socket.pause())
    const { line } = await connect(port, {}, HELLO, clock)
    while (line.send(batch(1), Buffer.alloc(1 << 20)));
    const waiting = line.drained()
    line.close('', 'stop')
    await waiting
    clock.advance(1000)
    await expect(line.closed).resolves.toEqual({ reason: 'stop' })
  })

  test.each<[string, Message, object]>([
    ['a second hello', HELLO, { code: 'PROTOCOL', reason: 'hello comes again' }],
    ['a welcome', WELCOME, { code: 'PROTOCOL', reason: 'welcome comes again' }],
    ['a refusal', { kind: 'refuse', code: 'BUSY', reason: '' }, { code: 'PROTOCOL', reason: 'refuse comes again' }],
  ])('comes with %s', async (_what, message, end) => {
    const { near, far } = await pair()
    near.send(message)
    await expect(far.closed).resolves.toEqual(end)
    await expect(near.closed).resolves.toEqual(end)
  })

  test('comes with what its owner throws, and no frame after', async () => {
    const { near, far } = await pair()
    let calls = 0
    far.onFrame = () => {
      calls += 1
      throw new Error('no room')
    }
    near.send(batch(1), Buffer.alloc(10))
    near.send(batch(2), Buffer.alloc(10))
    await expect(near.closed).resolves.toEqual({ reason: 'no room' })
    expect(calls).toBe(1)
  })

  test('comes with bytes that are no frame', async () => {
    const port = await rawServer((socket) => socket.write(Buffer.alloc(4096, 0xff)))
    const { line } = await connect(port)
    await expect(line.closed).resolves.toMatchObject({ code: 'LIMIT' })
  })

  test('comes with a batch before anyone asked for it', async () => {
    const { server, lines } = await serve()
    closers.push(() => server.close())
    const socket = connectPlain(server.address.port, '127.0.0.1')
    for (const message of [HELLO, batch(1)]) for (const piece of encodeFrame(message)) socket.write(piece)
    const decoder = new FrameDecoder(1 << 20)
    const answers: Message[] = []
    socket.on('data', (chunk) => {
      decoder.push(chunk)
      for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) answers.push(frame.message)
    })
    await new Promise((resolve) => socket.on('close', resolve))
    expect(answers).toEqual([{ kind: 'refuse', code: 'PROTOCOL', reason: 'sent batch' }])
    expect(lines).toEqual([])
  })

  test('and a reset is one', async () => {
    const { near, far, proxy } = await pair(systemClock, true)
    proxy?.cut()
    const ends = await Promise.all([near.closed, far.closed])
    for (const end of ends) expect(end.reason).toMatch(/ECONNRESET|closed/)
    await near.drained()
  })
})

describe('heartbeats', () => {
  test('keep a line that is idle, and tell how long they take', async () => {
    const clock = new ManualClock()
    const { near, far } = await pair(clock)
    for (let beat = 0; beat < 20; beat += 1) {
      const before = [near.traffic.bytesIn, far.traffic.bytesIn]
      clock.advance(HEARTBEAT_MS)
      await until(() => near.traffic.bytesIn > (before[0] ?? 0) && far.traffic.bytesIn > (before[1] ?? 0))
    }
    let ended = false
    void near.closed.then(() => (ended = true))
    await new Promise((resolve) => setImmediate(resolve))
    expect(ended).toBe(false)
  })

  test('I1. find at both ends that nobody is there any more, three beats later', async () => {
    const clock = new ManualClock()
    const { near, far, proxy } = await pair(clock, true)
    proxy?.set({ halfOpen: true })
    let ended = 0
    for (const line of [near, far]) void line.closed.then(() => (ended += 1))
    for (let beat = 0; beat < 3; beat += 1) {
      clock.advance(HEARTBEAT_MS)
      await new Promise((resolve) => setImmediate(resolve))
      expect(ended).toBe(0)
    }
    clock.advance(HEARTBEAT_MS)
    clock.advance(1000)
    const reason = 'the other end was silent for 3 heartbeats of 5000 ms'
    await expect(near.closed).resolves.toEqual({ reason })
    await expect(far.closed).resolves.toEqual({ reason })
  })

  test('I1. any bytes are life, those of half a frame too', async () => {
    const clock = new ManualClock()
    let socket: Socket | undefined
    const port = await rawServer((one) => {
      socket = one
    })
    const { line } = await connect(port, {}, HELLO, clock)
    const frame = Buffer.concat(encodeFrame({ kind: 'ack', stream: 1, next: 1, credit: 1 }))
    for (let at = 0; at < 12; at += 1) {
      const { bytesIn } = line.traffic
      socket?.write(frame.subarray(at, at + 1))
      await until(() => line.traffic.bytesIn > bytesIn)
      clock.advance(WELCOME.heartbeatMs)
    }
    expect(line.send({ kind: 'ack', stream: 1, next: 1, credit: 1 })).toBe(true)
    line.close()
    await expect(line.closed).resolves.toEqual({ reason: 'closed' })
  })

  test('I1. neither a clock that jumps nor a thread that stood still ends a line', async () => {
    const clock = new ManualClock()
    const { near, far, got } = await pair(clock)
    clock.advance(3_600_000)
    near.send(batch(1))
    await until(() => got.length === 1)
    far.close('', 'done')
    await expect(near.closed).resolves.toEqual({ reason: 'done' })
  })
})
