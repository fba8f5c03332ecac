import { expect, it } from 'vitest'
import { describeBroker } from '../support/kafka-servers.ts'
import { stormOverKafka } from './kafka-storm.ts'
import { seeds } from './storm.ts'

const full = process.env.MILLRACE_FULL === '1'
const timeout = 600_000
const works = ['copy', 'count'] as const

// In full mode the job is killed 40 times here and as often in kafka-steps.test.ts.
describeBroker('a job that is killed', (broker) => {
  it.each(seeds(full ? 4 : 2))('carries each record once and in order (seed %i)', { timeout }, async (seed) => {
    const storm = { broker, seed, work: works[seed % 2] ?? 'copy', falls: full ? 10 : 2 }
    expect(await stormOverKafka(storm)).toBeGreaterThan(100)
  })
})
