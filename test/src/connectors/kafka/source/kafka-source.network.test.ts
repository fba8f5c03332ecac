// What a network does to a source: connections that are reset, stand still, or change what they carry.

import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { text } from '../../../../../src/connectors/kafka/formats/text.ts'
import { kafkaSource } from '../../../../../src/connectors/kafka/source/kafka-source.ts'
import {
  type BrokerProcess,
  clientOf,
  describePrivateBrokers,
  type FaultProxy,
  startProxiedBroker,
} from '../../../../support/kafka-servers.ts'
import { inLife } from './source-life.ts'

const RECORDS = Array.from({ length: 2_000 }, (_, n) => `${n}:`.padEnd(500, 'x'))

describePrivateBrokers('kafkaSource and the network', () => {
  let broker: BrokerProcess
  let proxy: FaultProxy
  let client: ReturnType<typeof clientOf>
  let topics = ''
  beforeAll(async () => {
    ;({ broker, proxy } = await startProxiedBroker())
    client = clientOf(broker)
    topics = await client.topic('network')
    for (let n = 0; n < RECORDS.length; n += 20)
      await client.produce(
        topics,
        RECORDS.slice(n, n + 20).map((value) => ({ value })),
      )
  })
  afterAll(async () => {
    await client.close()
    await proxy.close()
    await broker.stop()
  })
  const source = (more: object = {}) =>
    kafkaSource<string>({
      brokers: `127.0.0.1:${proxy.port}`,
      topics,
      format: text(),
      bounded: 'latest',
      bufferBytesMax: 60_000,
      ...more,
    })

  it('reads each record once and in order though every connection is reset after a while', async () => {
    await inLife(source(), {}, async (life) => {
      proxy.set({ resetAfterBytes: 70_000 })
      const before = proxy.accepted
      expect(await life.take()).toEqual(RECORDS)
      proxy.set()
      expect(proxy.accepted - before).toBeGreaterThan(5)
    })
  })

  it('goes on where a connection stood still for longer than it may', async () => {
    await inLife(source({ requestTimeoutMs: 1_000 }), {}, async (life) => {
      const got = await life.take(200)
      proxy.set({ halfOpen: true })
      const over = sleep(3_000).then(() => proxy.set())
      got.push(...(await life.take()))
      await over
      expect(got).toEqual(RECORDS)
    })
  })

  it('takes nothing of a batch that was changed on its way', async () => {
    const large = await client.topic('large')
    await client.produce(large, [{ value: 'x'.repeat(500_000) }])
    proxy.set({ flipBitAt: 250_000 })
    const failure = await inLife(source({ topics: large }), {}, (life) => life.failure())
    proxy.set()
    expect(failure).toMatchObject({ code: 'SOURCE_FAILED' })
    expect(String(failure)).toContain(large)
    expect(String(failure)).toContain('CORRUPT_MESSAGE')
    await inLife(source({ topics: large }), {}, async (life) => expect((await life.take())[0]?.length).toBe(500_000))
  })
})
