// Two clusters, each relayed into the other under the same names: every record is at both once, and none goes round.

import { join } from 'node:path'
import { expect, it } from 'vitest'
import { run } from '../../../../runtime/index.ts'
import { inTemporaryFolder } from '../../../../runtime/testing/temporary-folder.ts'
import { relaySink, relaySource } from '../../../../src/connectors/relay/index.ts'
import { type Job, job } from '../../../../src/index.ts'
import { byTopic, fromKafka, kafkaRecords, toKafka } from '../../../../src/relay/index.ts'
import { FaultProxy } from '../../../support/fault-proxy.ts'
import { clientOf, describePrivateBrokers, startBroker, type TestBroker } from '../../../support/kafka-servers.ts'
import { freePorts } from '../../../support/server-process.ts'

interface Site {
  readonly site: string
  readonly broker: TestBroker
  readonly port: number
  /** Where others connect to. */
  readonly proxy: FaultProxy
}

const send = ({ site, broker }: Site, to: Site): Job =>
  job(`${site}-send`, (flow) => {
    const from = {
      brokers: broker.brokers,
      topics: ['two', 'ways-*'],
      site,
      targets: [to.site],
      discoveryIntervalMs: 100,
    }
    const targets = { [to.site]: `127.0.0.1:${to.proxy.port}` }
    fromKafka(flow, 'topics', from).to(
      'line',
      relaySink({ site, targets, codec: kafkaRecords, stream: byTopic, reconnectMaxMs: 200 }),
    )
  })

const receive = ({ site, broker, port }: Site): Job =>
  job(`${site}-receive`, (flow) => {
    const line = flow.from('line', relaySource({ site, listen: `127.0.0.1:${port}`, codec: kafkaRecords }))
    toKafka(line, 'topics', { brokers: broker.brokers, site })
  })

describePrivateBrokers('Kafka to relay to Kafka, both ways', () => {
  it('runs on without an echo, though lines are cut', async () => {
    const brokers = await Promise.all([startBroker(), startBroker()])
    const sites = await Promise.all(
      brokers.map(async (broker, index): Promise<Site> => {
        const port = await freePorts(1)
        return { site: index === 0 ? 'a' : 'b', broker: clientOf(broker), port, proxy: await FaultProxy.to(port) }
      }),
    )
    const [a, b] = sites as [Site, Site]
    await makeTopic(a.broker, 'two')
    await inTemporaryFolder(async (folder) => {
      const running = [send(a, b), send(b, a), receive(a), receive(b)].map((one) =>
        run(one, { dataDir: join(folder, one.name), inProcess: true, checkpoint: { intervalMs: 50 } }),
      )
      const values = async ({ broker }: Site): Promise<string[]> =>
        (await broker.readEnded('two').catch(() => [])).map(({ value }) => String(value)).sort()
      const written: string[] = []
      for (let round = 0; round < 5; round += 1) {
        for (const { site, broker, proxy } of sites) {
          if (round > 0 || site === 'a') {
            const messages = Array.from({ length: 20 }, (_, i) => ({
              partition: i % 2,
              value: `${site}-${round}-${i}`,
            }))
            await broker.produce('two', messages)
            written.push(...messages.map(({ value }) => value))
          }
          proxy.cut()
        }
        const all = [...written].sort()
        for (const site of sites) await expect.poll(() => values(site)).toEqual(all)
      }
      // What was echoed would be there now: each has read all of the other's, and of its own that came back.
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      for (const site of sites) expect(await values(site)).toEqual([...written].sort())
      await Promise.all(running.map((one) => one.stop()))
      for (const one of running) expect((await one.result).state).toBe('stopped')
    })
    await Promise.all(sites.map(({ proxy }) => proxy.close()))
    await Promise.all(brokers.map((broker) => broker.kill()))
  })
})

async function makeTopic(broker: TestBroker, topic: string): Promise<void> {
  const admin = broker.kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 2 }] })
  await admin.disconnect()
}
