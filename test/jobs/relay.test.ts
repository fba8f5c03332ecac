// jobs/relay as it is shipped, between two brokers: the line cut and mended, each half killed on the way, end record for record equal; and
// a consumer group goes on at the other site.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import {
  type BrokerProcess,
  clientOf,
  describeBroker,
  type ReadRecord,
  startBroker,
  type TestBroker,
} from '../support/kafka-servers.ts'
import { Crossing } from '../support/relay-agents.ts'
import { type BinProcess, runMillrace, startBin } from '../support/run-job.ts'

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

describeBroker('relay', (east) => {
  function start(name: 'send' | 'receive', settings: readonly string[]): BinProcess {
    const flags = ['--data-dir', join(folder, name), '--checkpoint-interval', '50ms', '--restart-delay', '50ms']
    return startBin('run-job', [file(name), ...flags, ...settings.flatMap((one) => ['--set', one])], { env })
  }

  async function receive(west: BrokerProcess): Promise<BinProcess> {
    const bin = start('receive', [`to=${west.brokers}`, 'listen=127.0.0.1:0', 'key=RELAY_KEY', 'prefix=east.'])
    await crossing.leadTo(bin)
    return bin
  }

  async function write(topic: string, partitions: number, from: number): Promise<void> {
    const messages = Array.from({ length: 500 }, (_, i) => ({
      partition: (i * 7) % partitions,
      key: i % 5 === 0 ? null : `k${i}`,
      value: i % 11 === 0 ? null : `${from + i}`,
      timestamp: String(Date.now() - 1000 + i),
      headers: i % 3 === 0 ? { h: [`${i}`, 'twice'] } : {},
    }))
    await east.produce(topic, messages)
  }

  it('each record once, whatever breaks; a group goes on there', async () => {
    const broker = await startBroker()
    const west = clientOf(broker)
    try {
      const [a, b] = [await east.topic('a', 3), await east.topic('b', 1)]
      /** What is not there yet; undefined once all is. Throws if what is there differs. */
      const missing = async (): Promise<unknown> => {
        for (const name of [a, b]) {
          const [here, there] = await Promise.all([east.readAll(name), west.readAll(`east.${name}`)])
          if (there.length !== here.length) return `${there.length} of ${here.length} records of ${name}`
          expect(there.map(asSent)).toEqual(here.map(asSent))
        }
        return undefined
      }
      const arrive = () => expect.poll(missing).toBeUndefined()
      const group = east.name('shop-')
      const settings = [`from=${east.brokers}`, `topics=${a},${b}`, `groups=${group}`, 'key=RELAY_KEY']
      const send = (): BinProcess => start('send', [...settings, `to=127.0.0.1:${crossing.port}`])

      await write(a, 3, 0)
      await write(b, 1, 0)
      const [first, second] = [send(), await receive(broker)]
      await arrive()
      crossing.cut()
      await write(a, 3, 1000)
      first.signal('SIGKILL')
      await first.result
      const sending = send()
      await write(b, 1, 1000)
      crossing.mend()
      await arrive()
      await write(a, 3, 2000)
      second.signal('SIGKILL')
      await second.result
      const receiving = await receive(broker)
      await arrive()

      const admin = east.kafka.admin()
      await admin.connect()
      await admin.setOffsets({ groupId: group, topic: b, partitions: [{ partition: 0, offset: '700' }] })
      await admin.disconnect()
      const offsets = async (...flags: string[]): Promise<unknown> => {
        const { stdout, stderr } = await runMillrace([
          'relay',
          'offsets',
          '--brokers',
          broker.brokers,
          '--json',
          ...flags,
        ])
        expect(stderr).toBe('')
        return JSON.parse(stdout)
      }
      const found = { offsets: [{ site: 'east', group, topic: `east.${b}`, partition: 0, origin: 700, missing: 0 }] }
      await expect.poll(() => offsets()).toMatchObject(found)
      expect(await offsets('--group', group, '--commit')).toMatchObject({ offsets: [{ result: 'committed' }] })
      const [partition] = await fetchOffsets(west, group, `east.${b}`)
      const [next] = (await west.readAll(`east.${b}`)).filter(({ offset }) => offset >= Number(partition?.offset))
      expect(next && asSent(next)).toEqual(asSent((await east.readAll(b))[700] as ReadRecord))

      for (const bin of [sending, receiving]) {
        bin.signal('SIGINT')
        expect((await bin.result).code).toBe(0)
      }
      expect(await missing()).toBeUndefined()
    } finally {
      await west.close()
      await broker.stop()
    }
  })
})

async function fetchOffsets({ kafka }: Pick<TestBroker, 'kafka'>, groupId: string, topic: string) {
  const admin = kafka.admin()
  await admin.connect()
  const [fetched] = await admin.fetchOffsets({ groupId, topics: [topic] })
  await admin.disconnect()
  return fetched?.partitions ?? []
}

/** Without its place there, and the headers that say where it comes from. */
function asSent({ offset: _offset, headers, ...record }: ReadRecord): unknown {
  const own = Object.entries(headers).filter(([name]) => !name.startsWith('millrace-'))
  return { ...record, headers: Object.fromEntries(own) }
}
