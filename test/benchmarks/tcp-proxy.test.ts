import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { TcpProxy } from '../../benchmarks/tcp-proxy.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** A server that answers with what it gets, a proxy in front of it, and how to connect. */
async function echo(): Promise<{ proxy: TcpProxy; client: () => Socket }> {
  const server = createServer((socket) => socket.on('error', () => {}).pipe(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const proxy = await TcpProxy.to((server.address() as { port: number }).port)
  closing.push(
    () => proxy.close(),
    () => server.close(),
  )
  return { proxy, client: () => connect(proxy.port, '127.0.0.1').on('error', () => {}) }
}

async function received(socket: Socket, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let count = 0
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    count += chunk.length
    if (count >= bytes) break
  }
  return Buffer.concat(chunks)
}

const gone = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()))

const numbers = Buffer.from(Uint32Array.from({ length: 500_000 }, (_, i) => i).buffer)

describe('TcpProxy', () => {
  it.each([Number.POSITIVE_INFINITY, 20_000_000])('I1: passes all, in order, at %i bytes a second', async (limit) => {
    const { proxy, client } = await echo()
    proxy.bytesPerSecond = limit
    const socket = client()
    socket.write(numbers)
    const startMs = performance.now()
    expect((await received(socket, numbers.length)).equals(numbers)).toBe(true)
    if (Number.isFinite(limit)) expect(performance.now() - startMs).toBeGreaterThan((numbers.length / limit) * 900)
  })

  it('shows what passes', async () => {
    const { proxy, client } = await echo()
    const seen = { up: 0, down: 0 }
    proxy.tap = (chunk, up) => {
      seen[up ? 'up' : 'down'] += chunk.length
    }
    const socket = client()
    socket.write('twelve bytes')
    await received(socket, 12)
    expect(seen).toEqual({ up: 12, down: 12 })
  })

  it('cuts what is open and what comes, until it is healed', async () => {
    const { proxy, client } = await echo()
    const open = client()
    await once(open, 'connect')
    open.write('x')
    await once(open, 'data')
    proxy.cut()
    await gone(open)
    await gone(client())
    proxy.heal()
    const later = client()
    later.write('again')
    expect(String(await received(later, 5))).toBe('again')
  })
})
