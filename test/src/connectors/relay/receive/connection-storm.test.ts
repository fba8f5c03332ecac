// Connections that are reset at any byte, by the thousand: what is acknowledged stays, what is not comes again, and the log is what was sent.

import { afterEach, expect, it } from 'vitest'
import { type Rng, seededRng } from '../../../../../src/util/rng.ts'
import { FaultProxy } from '../../../../support/fault-proxy.ts'
import { ReceiverWorld } from './receiver-world.ts'
import { TestSender } from './test-sender.ts'

const full = process.env.MILLRACE_FULL === '1'
const CONNECTIONS = full ? 5_000 : 2_000
const BATCHES_MAX = 12

const closing: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

interface Storm {
  readonly rng: Rng
  readonly proxy: FaultProxy
  /** Batches below were acknowledged to somebody. */
  acked: number
  /** Batches below were sent once at least. */
  sent: number
  session: number
}

const batchOf = (sequence: number): string[] => Array.from({ length: 1 + (sequence % 3) }, (_, i) => `${sequence}.${i}`)

/** One connection, which brings something or nothing. */
async function connection(storm: Storm): Promise<void> {
  const { rng, proxy } = storm
  const trouble = rng.int(4)
  proxy.set(trouble === 0 ? { resetAfterBytes: 1 + rng.int(200) } : {})
  if (rng.int(20) === 0) storm.session += 1
  const sender = await TestSender.connect(proxy.port, { session: storm.session })
  const { next } = await sender.begin('main', { acked: storm.acked, next: 1_000_000 })
  // What was acknowledged is there; what was never sent is not.
  expect(next).toBeGreaterThanOrEqual(storm.acked)
  expect(next).toBeLessThanOrEqual(storm.sent)
  storm.acked = next
  const end = next + 1 + rng.int(BATCHES_MAX)
  for (let sequence = next; sequence < end; sequence += 1) sender.send(sequence, batchOf(sequence))
  storm.sent = Math.max(storm.sent, end)
  const awaited = next + rng.int(end - next + 1)
  if (trouble !== 1) await sender.acked(awaited)
  for (const ack of sender.acks) {
    expect(ack.next).toBeLessThanOrEqual(storm.sent)
    storm.acked = Math.max(storm.acked, ack.next)
  }
  // Sometimes it stays, and the next one takes its place.
  if (rng.int(3) > 0) proxy.cut()
}

it(`the log is what was sent, after ${CONNECTIONS} connections`, { timeout: full ? 600_000 : 120_000 }, async () => {
  const world = await ReceiverWorld.start()
  closing.push(() => world.dispose())
  const proxy = await FaultProxy.to(world.port)
  closing.unshift(() => proxy.close())
  const storm: Storm = { rng: seededRng(11), proxy, acked: 0, sent: 0, session: 1 }
  let broken = 0
  for (let i = 0; i < CONNECTIONS; i += 1) {
    await connection(storm).catch((error: unknown) => {
      if (error instanceof Error && error.name === 'AssertionError') throw error
      broken += 1
    })
  }
  expect(broken).toBeGreaterThan(CONNECTIONS / 20)
  proxy.set()
  const last = await TestSender.connect(proxy.port, { session: storm.session + 1 })
  const { next } = await last.begin('main', { acked: storm.acked, next: storm.sent })
  for (let sequence = next; sequence < storm.sent; sequence += 1) last.send(sequence, batchOf(sequence))
  if (next < storm.sent) await last.acked(storm.sent)
  const [stream] = world.streams()
  expect(stream?.next).toBe(storm.sent)
  const expected = Array.from({ length: storm.sent }, (_, sequence) => batchOf(sequence)).flat()
  expect(await world.records(stream as never)).toEqual(expected)
  expect(world.broken).toEqual([])
})
