// A line that is cut behind any of its bytes: what came is a beginning of what was sent, each frame whole.

import { connect as connectPlain, createServer, type Server } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { LineFailure } from '../../../../../src/connectors/relay/line/line-failure.ts'
import type { Message } from '../../../../../src/connectors/relay/wire/messages.ts'
import { batch, connect, HELLO, serve, type TestServer, until } from './line-ends.ts'

type Way = 'to the receiver' | 'to the sender'

const closers: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** Passes connections on and resets each behind so many bytes of one way; counts the bytes of that way. */
class Cutter {
  readonly #server: Server
  after = Number.POSITIVE_INFINITY
  passed = 0

  private constructor(way: Way, port: number) {
    this.#server = createServer((client) => {
      const server = connectPlain(port, '127.0.0.1')
      const [from, to] = way === 'to the receiver' ? [client, server] : [server, client]
      for (const socket of [from, to]) socket.on('error', () => undefined)
      from.on('close', () => to.destroy())
      to.on('close', () => from.destroy())
      to.pipe(from)
      let passed = 0
      from.on('data', (chunk: Buffer) => {
        to.write(chunk.subarray(0, Math.max(0, this.after - passed)))
        passed += chunk.length
        this.passed = Math.max(this.passed, passed)
        if (passed < this.after) return
        // What was passed on is read before the reset, which throws away what was not.
        setImmediate(() => {
          client.resetAndDestroy()
          server.resetAndDestroy()
        })
      })
    })
  }

  static async to(way: Way, port: number): Promise<Cutter & { port: number }> {
    const made = new Cutter(way, port)
    await new Promise<void>((resolve) => made.#server.listen(0, '127.0.0.1', resolve))
    closers.push(() => new Promise((resolve) => made.#server.close(resolve)))
    return Object.assign(made, { port: (made.#server.address() as { port: number }).port })
  }
}

const BODIES = [Buffer.from('the records of one'), Buffer.alloc(100, 3)]

/** Sends two batches, which the receiver acknowledges; until both acknowledgements are here or the line has ended. */
async function exchange(port: number): Promise<{ failure?: unknown; acks: Message[] }> {
  try {
    const { line, got } = await connect(port)
    for (const [index, body] of BODIES.entries()) line.send(batch(index), body)
    let ended = false
    void line.closed.then(() => (ended = true))
    await until(() => ended || got.length === BODIES.length)
    line.close()
    await line.closed
    return { acks: got }
  } catch (failure) {
    return { failure, acks: [] }
  }
}

async function acknowledging(): Promise<TestServer> {
  const made = await serve({}, undefined, undefined, (line, message) => {
    if (message.kind === 'batch') line.send({ kind: 'ack', stream: 1, next: message.sequence + 1, credit: 0 })
  })
  closers.push(() => made.server.close())
  return made
}

describe.each<Way>(['to the receiver', 'to the sender'])('reset behind every byte %s', (way) => {
  test('each end gets a beginning of what was sent, ends, and a new connection works', async () => {
    const made = await acknowledging()
    const cutter = await Cutter.to(way, made.server.address.port)
    await exchange(cutter.port)
    const all = cutter.passed
    expect(all).toBeGreaterThan(100)
    let lines = made.lines.length
    const seen = new Set<string>()
    for (let after = 1; after <= all; after += 1) {
      cutter.after = after
      made.got.length = 0
      const { failure, acks } = await exchange(cutter.port)
      await until(() => made.server.connections === 0 && made.ends.length === made.lines.length)
      if (failure !== undefined) expect(failure).toMatchObject({ name: LineFailure.name, fatal: false })
      const expected = BODIES.map((body, index) => ({ message: batch(index), body }))
      expect(made.got).toEqual(expected.slice(0, made.got.length))
      expect(acks).toEqual([1, 2].slice(0, acks.length).map((next) => ({ kind: 'ack', stream: 1, next, credit: 0 })))
      expect(acks.length).toBeLessThanOrEqual(made.got.length)
      seen.add(`${made.lines.length > lines} ${made.got.length} ${acks.length}`)
      lines = made.lines.length
    }
    // Cut before the handshake is over at the end that is cut off, and with all of the batches through.
    expect(seen).toContain(way === 'to the receiver' ? 'false 0 0' : 'true 0 0')
    expect([...seen].some((one) => one.startsWith('true 2'))).toBe(true)
    cutter.after = Number.POSITIVE_INFINITY
    made.got.length = 0
    expect((await exchange(cutter.port)).acks).toHaveLength(2)
    expect(made.got).toHaveLength(2)
  })
})

test('two connections, resets, and what one of them sent do not touch the other', async () => {
  const made = await acknowledging()
  const { port } = made.server.address
  const [one, two] = [await connect(port), await connect(port, {}, { ...HELLO, session: 2 })]
  one.line.send(batch(0), BODIES[0])
  two.line.send(batch(5), BODIES[1])
  two.line.send(batch(5), BODIES[1])
  await until(() => made.got.length === 3)
  one.line.close()
  await one.line.closed
  two.line.send(batch(6), BODIES[0])
  await until(() => made.got.length === 4)
  expect(made.got.filter(({ body }) => body.equals(BODIES[1] as Buffer))).toHaveLength(2)
})
