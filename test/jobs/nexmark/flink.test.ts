// Each query's result against what another engine gives for the same events.

import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { FLINK_DIGESTS } from './flink-digests.ts'
import { QUERY_NAMES } from './known-queries.ts'
import { full, resultOf } from './query-runs.ts'

// What q6 asks for cannot be said in Flink's SQL.
const COMPARED = QUERY_NAMES.filter((name) => name !== 'q6')

test.each(COMPARED)('%s gives the result that Flink gives', async (name) => {
  const digests = Object.entries(FLINK_DIGESTS[name] ?? {})
  expect(digests).toHaveLength(2)
  for (const [events, sha256] of digests.slice(0, full ? 2 : 1)) {
    const result = await resultOf(name, { parallelism: 2, settings: { events } })
    expect(createHash('sha256').update(result).digest('hex'), `${events} events`).toBe(sha256)
  }
})
