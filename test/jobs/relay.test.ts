// jobs/relay as it is shipped: topics of one site, each half killed on the way, end record for record equal at the other.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { describeBroker, type ReadRecord } from '../support/kafka-servers.ts'
import { Crossing } from '../support/relay-agents.ts'
import { type BinProcess, startBin } from '../support/run-job.ts'

const file = (name: string): string => fileURLToPath(new URL(`../../jobs/relay/${name}.ts`, import.meta.url))

let folder: string
let crossing: Crossing
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-relay-'))
  crossing = await Crossing.open()
})
afterEach(() => {
  crossing.close()
  rmSync(folder, { recursive: true })
})

const env = { RELAY_KEY: '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff' }

describeBroker('relay', (broker) => {
  const prefix = broker.name('west-')

  function start(name: 'send' | 'receive', settings: readonly string[]): BinProcess {
    const flags = ['--data-dir', join(folder, name), '--checkpoint-interval', '50ms', '--restart-delay', '50ms']
    return startBin('run-job', [file(name), ...flags, ...settings.flatMap((one) => ['--set', one])], { env })
  }

  async function receive(): Promise<BinProcess> {
    const west = start('receive', [`to=${broker.brokers}`, 'listen=127.0.0.1:0', 'key=RELAY_KEY', `prefix=${prefix}`])
    await crossing.leadTo(west)
    return west
  }

  async function write(topic: string, partitions: number, from: number): Promise<void> {
    const messages = Array.from({ length: 500 }, (_, i) => ({
      partition: (i * 7) % partitions,
      key: i % 5 === 0 ? null : `k${i}`,
      value: i % 11 === 0 ? null : `${from + i}`,
      timestamp: String(Date.now() - 1000 + i),
      headers: i % 3 === 0 ? { h: [`${i}`, 'twice'] } : {},
    }))
    await broker.produce(topic, messages)
  }

  /** What is not there yet; undefined once all is. Throws if what is there differs. */
  async function missing(names: readonly string[]): Promise<unknown> {
    for (const name of names) {
      const [here, there] = await Promise.all([broker.readAll(name), broker.readAll(`${prefix}${name}`)])
      if (there.length !== here.length) return `${there.length} of ${here.length} records of ${name}`
      expect(there.map(asSent)).toEqual(here.map(asSent))
    }
    return undefined
  }

  it('keys, values, headers, times and partitions, and on from there', { timeout: 180_000 }, async () => {
    const names = [await broker.topic('a', 3), await broker.topic('b', 1)] as const
    const settings = [`from=${broker.brokers}`, `topics=${names.join(',')}`, `group=${prefix}`, 'key=RELAY_KEY']
    const send = (): BinProcess => start('send', [...settings, `to=127.0.0.1:${crossing.port}`])
    const arrive = () => expect.poll(() => missing(names), { timeout: 90_000 }).toBeUndefined()
    await write(names[0], 3, 0)
    await write(names[1], 1, 0)
    const [east, west] = [send(), await receive()]
    await arrive()
    east.signal('SIGKILL')
    await east.result
    await write(names[0], 3, 1000)
    const eastAgain = send()
    await expect
      .poll(async () => (await broker.readAll(`${prefix}${names[0]}`)).length, { timeout: 60_000 })
      .toBeGreaterThan(500)
    west.signal('SIGKILL')
    await west.result
    await write(names[1], 1, 1000)
    const westAgain = await receive()
    await arrive()
    for (const bin of [eastAgain, westAgain]) {
      bin.signal('SIGINT')
      expect((await bin.result).code).toBe(0)
    }
    expect(await missing(names)).toBeUndefined()
  })
})

/** Without its place there, and the headers that say where it comes from. */
function asSent({ offset: _offset, headers, ...record }: ReadRecord): unknown {
  const own = Object.entries(headers).filter(([name]) => !name.startsWith('millrace-'))
  return { ...record, headers: Object.fromEntries(own) }
}
