// Each query against its model, with its state in the heap; and after a throw in the middle.

import { expect, test } from 'vitest'
import { KNOWN_QUERIES, QUERY_NAMES } from './known-queries.ts'
import { describeQueries, expectedOf, full, INPUTS, type Input, resultOf } from './query-runs.ts'

describeQueries(full ? [2] : [1, 3], {})

test.each(QUERY_NAMES)('%s after a throw in the middle', async (name) => {
  const input = INPUTS.at(-1) as Input
  const fault = { node: KNOWN_QUERIES[name].busyNode, record: 30 }
  const options = { settings: input.settings, recordsPerCheckpoint: 200, parallelism: 2, fault }
  expect(await resultOf(name, options)).toBe(expectedOf(name, input))
})

test('no model is of nothing', () => {
  for (const name of QUERY_NAMES) expect(expectedOf(name, INPUTS.at(-1) as Input).length, name).toBeGreaterThan(40)
})
