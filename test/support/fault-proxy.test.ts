import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FaultProxy } from './fault-proxy.ts'

/** Sends back what it gets. */
let echo: Server
let sessions: Socket[]
let proxy: FaultProxy

beforeEach(async () => {
  sessions = []
  echo = createServer((socket) => {
    sessions.push(socket)
    socket.on('error', () => {}).pipe(socket)
  })
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve))
  proxy = await FaultProxy.to((echo.address() as AddressInfo).port)
})

afterEach(async () => {
  await proxy.close()
  for (const session of sessions) session.destroy()
  await new Promise((resolve) => echo.close(resolve))
})

async function open(): Promise<Socket> {
  const socket = connect(proxy.port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

/** What comes until the connection is at its end, and how it ended. */
async function drain(socket: Socket): Promise<{ bytes: Buffer; error: string | undefined }> {
  const chunks: Buffer[] = []
  let error: string | undefined
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('error', (cause: NodeJS.ErrnoException) => {
    error = cause.code
  })
  await new Promise((resolve) => socket.once('close', resolve))
  return { bytes: Buffer.concat(chunks), error }
}

const numbers = (bytes: number): Buffer => Buffer.from(Array.from({ length: bytes }, (_, i) => i % 251))

describe('FaultProxy', () => {
  it('I1: passes every byte both ways, and the end', async () => {
    const sent = numbers(3_000_000)
    const socket = await open()
    const drained = drain(socket)
    socket.end(sent)
    const { bytes, error } = await drained
    expect(bytes.equals(sent)).toBe(true)
    expect(error).toBeUndefined()
    expect(proxy.accepted).toBe(1)
  })

  it('I1: order and bytes hold when the delay changes meanwhile', async () => {
    const sent = numbers(200_000)
    const socket = await open()
    const drained = drain(socket)
    for (let at = 0; at < sent.length; at += 10_000) {
      proxy.set(at % 20_000 === 0 ? { delayMs: 20 } : {})
      socket.write(sent.subarray(at, at + 10_000))
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    socket.end()
    expect((await drained).bytes.equals(sent)).toBe(true)
  })

  it('delays what passes', async () => {
    const socket = await open()
    proxy.set({ delayMs: 60 })
    const begin = performance.now()
    socket.write('x')
    await once(socket, 'data')
    expect(performance.now() - begin).toBeGreaterThanOrEqual(119)
    socket.destroy()
  })

  it('I2: resets both sides behind so many bytes from the server', async () => {
    proxy.set({ resetAfterBytes: 1000 })
    const socket = await open()
    const drained = drain(socket)
    const server = once(sessions[0] ?? echo, sessions[0] === undefined ? 'connection' : 'close')
    socket.write(numbers(5000))
    // A reset may overtake bytes that came before it, and libuv tells one that comes with bytes as an end.
    const { bytes } = await drained
    expect(bytes.length).toBeLessThanOrEqual(1000)
    expect(numbers(5000).subarray(0, bytes.length).equals(bytes)).toBe(true)
    await server
  })

  it('I2: flips one bit of one byte, once in a connection', async () => {
    proxy.set({ flipBitAt: 70_000 })
    const sent = numbers(150_000)
    const socket = await open()
    const drained = drain(socket)
    socket.end(sent)
    const { bytes } = await drained
    const wrong = [...bytes.keys()].filter((at) => bytes[at] !== sent[at])
    expect(wrong).toEqual([70_000])
    expect((bytes[70_000] as number) ^ (sent[70_000] as number)).toBe(1)
  })

  it('half-open: nothing passes, and neither side is told', async () => {
    const socket = await open()
    socket.write('a')
    await once(socket, 'data')
    proxy.set({ halfOpen: true })
    const seen: string[] = []
    for (const event of ['data', 'end', 'close', 'error']) {
      socket.on(event, () => seen.push(`client ${event}`))
      sessions[0]?.on(event, () => seen.push(`server ${event}`))
    }
    socket.write('b')
    sessions[0]?.write('c')
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(seen).toEqual([])
    expect(proxy.open).toBe(1)
    socket.destroy()
  })

  it('cuts, drops, refuses and counts connections', async () => {
    const cut = [await open(), await open()].map(drain)
    expect(proxy.open).toBe(2)
    proxy.cut()
    expect((await Promise.all(cut)).map(({ error }) => error)).toEqual(['ECONNRESET', 'ECONNRESET'])
    const orderly = await open()
    const ended = drain(orderly)
    proxy.drop()
    expect(await ended).toEqual({ bytes: Buffer.alloc(0), error: undefined })
    proxy.set({ refuse: true })
    expect((await drain(connect(proxy.port, '127.0.0.1'))).error).toBe('ECONNRESET')
    expect(proxy.accepted).toBe(4)
    expect(proxy.open).toBe(0)
  })
})
