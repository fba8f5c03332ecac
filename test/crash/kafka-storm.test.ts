import { afterAll, beforeAll, expect, it } from 'vitest'
import { clientOf, describeBroker, describePrivateBrokers, startProxiedBroker } from '../support/kafka-servers.ts'
import { stormOverKafka } from './kafka-storm.ts'

const full = process.env.MILLRACE_FULL === '1'
const given = process.env.MILLRACE_SEED
const seeds = (count: number): number[] =>
  given === undefined ? Array.from({ length: count }, (_, index) => index + 1) : [Number(given)]
const timeout = 300_000
const works = ['copy', 'count'] as const

// In full mode the job is killed 200 times here and 100 times in kafka-steps.test.ts, the broker some 20 times.
describeBroker('a job that is killed', (broker) => {
  it.each(seeds(full ? 8 : 2))('carries each record once and in order (seed %i)', { timeout }, async (seed) => {
    const storm = { broker, seed, work: works[seed % 2] ?? 'copy', falls: full ? 25 : 3 }
    expect(await stormOverKafka(storm)).toBeGreaterThan(100)
  })
})

describePrivateBrokers('a job over', () => {
  let broker: Awaited<ReturnType<typeof startProxiedBroker>>
  let client: ReturnType<typeof clientOf>
  beforeAll(async () => {
    broker = await startProxiedBroker()
    client = clientOf(broker.broker)
  })
  afterAll(async () => {
    await client.close()
    await broker.proxy.close()
    await broker.broker.kill()
  })

  it.each(seeds(full ? 4 : 1))(
    'a broker that is killed carries each record once and in order (seed %i)',
    { timeout },
    async (seed) => {
      const storm = { broker: client, seed: 100 + seed, work: works[seed % 2] ?? 'copy', falls: full ? 8 : 1 }
      expect(await stormOverKafka({ ...storm, process: broker.broker })).toBeGreaterThan(100)
    },
  )

  it.each(seeds(full ? 6 : 1))(
    'a network that fails carries each record once and in order (seed %i)',
    { timeout },
    async (seed) => {
      const storm = { broker: client, seed: 200 + seed, work: works[seed % 2] ?? 'copy', falls: full ? 6 : 1 }
      const settings = ['requestTimeout=500']
      expect(await stormOverKafka({ ...storm, proxy: broker.proxy, settings })).toBeGreaterThan(100)
    },
  )
})
