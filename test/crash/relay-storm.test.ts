// Both ends of a relay are killed and the line between them fails, again and again: each record arrives once, in the order of its stream.

import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { seededRng } from '../../src/util/rng.ts'
import type { BinProcess } from '../support/run-job.ts'
import { RelayEnds } from './relay-ends.ts'
import { disturb, killAtRandom, seeds } from './storm.ts'

const full = process.env.MILLRACE_FULL === '1'
const timeout = full ? 600_000 : 120_000

async function storm(seed: number, settings: readonly string[] = []): Promise<RelayEnds> {
  const rng = seededRng(seed)
  const ends = await RelayEnds.open({ rng, sendSettings: settings, receiveSettings: settings })
  let [sender, receiver] = [ends.send(), ends.receive()]
  const fallen = async (end: BinProcess, again: () => BinProcess): Promise<BinProcess> => {
    await killAtRandom(end, rng)
    return again()
  }
  for (let falls = full ? 8 : 4; falls > 0; falls -= 1) {
    await ends.tell(200 + rng.int(1_000))
    const calm = rng.int(3) === 0 ? undefined : disturb(ends.proxy, rng)
    const who = rng.int(3)
    ;[sender, receiver] = await Promise.all([
      who === 0 ? sender : fallen(sender, () => ends.send()),
      who === 1 ? receiver : fallen(receiver, () => ends.receive()),
    ])
    await calm?.()
  }
  await ends.tell(300)
  await ends.settle(sender, receiver)
  return ends
}

it.each(seeds(full ? 3 : 1))('a storm over both ends and the line (seed %i)', { timeout }, async (seed) => {
  expect((await storm(seed)).told).toBeGreaterThan(1_000)
})

it('a storm while the clocks of both ends are set forth and back by up to an hour', { timeout }, async () => {
  expect((await storm(101, ['clockJumps=true'])).told).toBeGreaterThan(1_000)
})

it('a sender that stood still is refused when another one has gone on from its folder', { timeout }, async () => {
  const ends = await RelayEnds.open({ rng: seededRng(7) })
  const receiver = ends.receive()
  const zombie = ends.send()
  await ends.tell(2_000)
  await ends.arrived(zombie, receiver)
  await ends.tell(2_000)
  zombie.signal('SIGSTOP')
  const elsewhere = join(ends.folder, 'elsewhere')
  // Elsewhere nobody holds the job's lock.
  await cp(ends.north, elsewhere, { recursive: true, filter: (path) => !/\/lock[^/]*$/.test(path) })
  const successor = ends.send(elsewhere)
  await ends.tell(2_000)
  await ends.arrived(successor, receiver)
  await ends.tell(1_000)
  zombie.signal('SIGCONT')
  const { code, stderr } = await zombie.result
  expect(stderr).toMatch(/RELAY_REFUSED/)
  expect(code).not.toBe(0)
  expect(await ends.settle(successor, receiver)).toBe(7_000)
})

// Thousands, of the receiver alone: test/src/connectors/relay/receive/connection-storm.test.ts.
it('connections that are reset again and again', { timeout: timeout }, async () => {
  const rng = seededRng(11)
  const ends = await RelayEnds.open({ rng, lanes: 8, sendSettings: ['reconnectMax=100'] })
  const [sender, receiver] = [ends.send(), ends.receive()]
  for (const resets = full ? 300 : 100; ends.proxy.accepted < resets; ) {
    await ends.tell(rng.int(60))
    if (rng.int(3) === 0) ends.proxy.set({ resetAfterBytes: 1 + rng.int(3_000) })
    await new Promise((resolve) => setTimeout(resolve, rng.int(150)))
    ends.proxy.set()
    ends.proxy.cut()
  }
  await ends.tell(100)
  expect(await ends.settle(sender, receiver)).toBe(ends.told)
})
