// Several brokers, and what brokers ask of their clients: other leaders, sessions that end, patience.

import { randomBytes } from 'node:crypto'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { expect, inject, it, onTestFinished, vi } from 'vitest'
import { metadata } from '../../../../../src/connectors/kafka/client/apis/metadata.ts'
import { commitOffsets, committedOffsets } from '../../../../../src/connectors/kafka/client/group-offsets.ts'
import { brokerConfig, ensureTopic, listOffsets } from '../../../../../src/connectors/kafka/client/topics.ts'
import { BrokerProcess } from '../../../../support/kafka-process.ts'
import { describePrivateBrokers, runKafkaTool, startBroker } from '../../../../support/kafka-servers.ts'
import { freePorts } from '../../../../support/server-process.ts'
import { openClient } from './open-client.ts'

/** A second broker in the cluster of the first, which stays the only controller. */
async function joinBroker(first: BrokerProcess, options: readonly string[]): Promise<BrokerProcess> {
  const folder = mkdtempSync(join(inject('servicesFolder'), 'kafka-second-'))
  mkdirSync(join(folder, 'data'))
  const [, cluster = ''] =
    /^cluster\.id=(.+)$/m.exec(readFileSync(join(first.folder, 'data/meta.properties'), 'utf8')) ?? []
  const id = randomBytes(16).toString('base64url')
  writeFileSync(
    join(folder, 'data/meta.properties'),
    `version=1\ncluster.id=${cluster}\nnode.id=2\ndirectory.id=${id}\n`,
  )
  copyFileSync(join(first.folder, 'tls.pem'), join(folder, 'tls.pem'))
  const port = await freePorts(1)
  const place = `PLAINTEXT://127.0.0.1:${port}`
  const second = new BrokerProcess('kafka', folder, port, {
    options: [
      ...options,
      'process.roles=broker',
      'node.id=2',
      `controller.quorum.voters=1@127.0.0.1:${first.port + 1}`,
      `listeners=${place}`,
      `advertised.listeners=${place}`,
    ],
    env: { TIER: '1' },
  })
  await second.start()
  return second
}

const write = Socket.prototype.write

describePrivateBrokers('KafkaClient in a cluster', () => {
  it('I2: finds leaders and coordinators again when a broker is killed, and when it comes back', async () => {
    const options = ['offsets.topic.replication.factor=2', 'offsets.topic.num.partitions=8']
    const first = await startBroker({ options })
    const second = await joinBroker(first, options)
    // The first address that is asked is down in the course of the test.
    const client = await openClient({ brokers: [second.brokers, first.brokers] })
    const nodes = async () => {
      await client.anyNode()
      return client.nodes.toSorted()
    }
    await expect.poll(nodes).toEqual([1, 2])
    await ensureTopic(client, { topic: 'spread', partitions: 6, replication: 2 })
    const partitions = Array.from({ length: 6 }, (_, partition) => ({ topic: 'spread', partition }))
    const leaders = () => Promise.all(partitions.map(({ partition }) => client.leader('spread', partition)))
    expect(new Set(await leaders())).toEqual(new Set([1, 2]))
    expect((await listOffsets(client, partitions, 'latest')).size).toBe(6)
    expect(await brokerConfig(client, 'node.id')).toMatch(/[12]/)

    const groups = Array.from({ length: 6 }, (_, index) => `group-${index}`)
    for (const [index, group] of groups.entries())
      await commitOffsets(client, group, [{ topic: 'spread', partition: 0, offset: index }])
    const committed = () =>
      Promise.all(groups.map(async (group) => (await committedOffsets(client, group)).get('spread/0')?.offset))
    const coordinators = await Promise.all(groups.map((group) => client.coordinator('group', group)))
    expect(new Set(coordinators)).toEqual(new Set([1, 2]))

    await second.kill()
    expect(await committed()).toEqual([0, 1, 2, 3, 4, 5])
    expect((await listOffsets(client, partitions, 'latest')).size).toBe(6)
    expect(new Set(await leaders())).toEqual(new Set([1]))
    await second.start()
    await expect.poll(nodes).toEqual([1, 2])
    // The preferred leaders are put back by hand: by itself the cluster does so after minutes.
    const election = ['--bootstrap-server', first.brokers, '--election-type', 'preferred', '--all-topic-partitions']
    await expect
      .poll(async () => {
        await runKafkaTool('org.apache.kafka.tools.LeaderElectionCommand', election)
        client.stale('spread')
        return new Set(await leaders())
      })
      .toEqual(new Set([1, 2]))
    expect((await listOffsets(client, partitions, 'latest')).size).toBe(6)
    expect(await committed()).toEqual([0, 1, 2, 3, 4, 5])
    await second.stop()
    await first.stop()
  })

  it('authenticates again on the same connection before its session ends', async () => {
    const broker = await startBroker({ options: ['connections.max.reauth.ms=3000'] })
    const sasl = { mechanism: 'scram-sha-256', username: 'millrace', password: 'millrace' } as const
    // Who stands still for longer than the last fifth of a session comes too late, and that is no fault of anybody's: once more then.
    for (;;) {
      const client = await openClient({ brokers: broker.sasl, sasl })
      const node = await client.anyNode()
      const began = performance.now()
      let last = began
      let longest = 0
      const ask = async (): Promise<void> => {
        while (last - began < 5000) {
          await Promise.all([1, 2, 3].map(() => client.send(node, metadata, { topics: [] }))).finally(() => {
            longest = Math.max(longest, performance.now() - last)
            last = performance.now()
          })
        }
      }
      const lost = await ask().catch((error: unknown) => error)
      if (lost === undefined) break
      if (longest < 500) throw lost
    }
    await broker.stop()
  })

  it('sends nothing while a broker asks for patience', async () => {
    const broker = await startBroker()
    const quota = [
      '--alter',
      '--add-config',
      'request_percentage=0.01',
      '--entity-type',
      'clients',
      '--entity-name',
      'slow',
    ]
    await runKafkaTool('kafka.admin.ConfigCommand', ['--bootstrap-server', broker.brokers, ...quota])
    const client = await openClient({ brokers: broker.brokers, clientId: 'slow' })
    const node = await client.anyNode()
    let heldUntil = 0
    const waits: number[] = []
    const noting: typeof metadata = {
      ...metadata,
      decode(answer, version) {
        const response = metadata.decode(answer, version)
        waits.push(answer.throttleMs)
        heldUntil = Date.now() + answer.throttleMs
        return response
      },
    }
    // The broker does not even read what is sent meanwhile: a request would be taken for lost though nothing is wrong.
    const early: number[] = []
    const written = vi.spyOn(Socket.prototype, 'write').mockImplementation(function (this: Socket, ...args) {
      if (this.remotePort === broker.port && Date.now() < heldUntil) early.push(heldUntil - Date.now())
      return write.apply(this, args)
    })
    onTestFinished(() => written.mockRestore())
    for (let left = 5; left > 0; left -= 1) await client.send(node, noting, { topics: [] })
    expect(early).toEqual([])
    expect(Math.max(...waits)).toBeGreaterThan(900)
    await broker.stop()
  })
})
