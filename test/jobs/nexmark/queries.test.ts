// Each query's result against its model: for several events, parallelisms and cache sizes; and against the digests of another engine.

import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { type Draws, ExactDraws, FastDraws } from '../../../jobs/nexmark/generator/draws.ts'
import { eventMaker } from '../../../jobs/nexmark/generator/make-event.ts'
import q0 from '../../../jobs/nexmark/q0.ts'
import q2 from '../../../jobs/nexmark/q2.ts'
import q12 from '../../../jobs/nexmark/q12.ts'
import { type RunHereOptions, runJobHere } from '../../../runtime/testing/index.ts'
import { FLINK_DIGESTS } from './flink-digests.ts'
import { KNOWN_QUERIES, QUERY_NAMES, type QueryName } from './known-queries.ts'
import { houseOf } from './models.ts'

const full = process.env.MILLRACE_FULL === '1'

const root = mkdtempSync(join(tmpdir(), 'nexmark-'))
afterAll(() => {
  rmSync(root, { recursive: true })
})

/** The text of the result. */
async function resultOf(name: QueryName, options: RunHereOptions): Promise<string> {
  const dataDir = mkdtempSync(join(root, 'data-'))
  const { state, failure, faultFired } = await runJobHere(KNOWN_QUERIES[name].job, { ...options, dataDir })
  expect(failure).toBeUndefined()
  expect(state).toBe('finished')
  expect(faultFired).toBe(options.fault !== undefined)
  return readFileSync(join(dataDir, `nexmark-${name}.jsonl`), 'utf8')
}

interface Input {
  readonly settings: Readonly<Record<string, string>>
  readonly draws: Draws
  readonly count: number
}

const INPUTS: readonly Input[] = [
  ...[0, 49, 2_000].map((count) => ({ settings: { events: `${count}` }, draws: new ExactDraws(), count })),
  ...(full ? [1, 2, 3, 4, 5, 6] : [1]).map((seed) => ({
    settings: { events: '3000', generator: 'fast', seed: `${seed}` },
    draws: new FastDraws(seed),
    count: 3_000,
  })),
]

function expectedOf(name: QueryName, { draws, count }: Input): string {
  const make = eventMaker(draws)
  const lines = KNOWN_QUERIES[name].model(houseOf(Array.from({ length: count }, (_, n) => make(n))))
  return lines.map((line) => `${line}\n`).join('')
}

const CACHES = [
  ['the usual cache', {}],
  ['a small cache', { stateCacheBytes: 32 << 10 }],
] as const

describe.each(QUERY_NAMES)('%s is as its model says', (name) => {
  describe.each(CACHES)('with %s', (_cache, cache) => {
    test.each([1, 2, 3])('at parallelism %i', async (parallelism) => {
      for (const input of INPUTS) {
        const result = await resultOf(name, {
          ...cache,
          parallelism,
          settings: input.settings,
          recordsPerCheckpoint: 400,
        })
        expect(result, JSON.stringify(input.settings)).toBe(expectedOf(name, input))
      }
    })
  })

  test('after a throw in the middle', async () => {
    const input = INPUTS.at(-1) as Input
    const fault = { node: KNOWN_QUERIES[name].busyNode, record: 30 }
    const options = { settings: input.settings, recordsPerCheckpoint: 200, parallelism: 2, fault }
    expect(await resultOf(name, options)).toBe(expectedOf(name, input))
  })
})

test('no model is of nothing', () => {
  for (const name of QUERY_NAMES) expect(expectedOf(name, INPUTS.at(-1) as Input).length, name).toBeGreaterThan(40)
})

// What q6 asks for cannot be said in Flink's SQL.
const COMPARED = QUERY_NAMES.filter((name) => name !== 'q6')

test.each(COMPARED)('%s gives the result that Flink gives', { timeout: 300_000 }, async (name) => {
  const digests = Object.entries(FLINK_DIGESTS[name] ?? {})
  expect(digests).toHaveLength(2)
  for (const [events, sha256] of digests.slice(0, full ? 2 : 1)) {
    const result = await resultOf(name, { parallelism: 2, settings: { events } })
    expect(createHash('sha256').update(result).digest('hex'), `${events} events`).toBe(sha256)
  }
})

test('q12 counts every bid once, whatever the clock says', async () => {
  const dataDir = mkdtempSync(join(root, 'data-'))
  const { state } = await runJobHere(q12, {
    dataDir,
    settings: { events: '20000' },
    parallelism: 2,
    recordsPerCheckpoint: 4000,
  })
  expect(state).toBe('finished')
  const rows = readFileSync(join(dataDir, 'nexmark-q12.jsonl'), 'utf8').trimEnd().split('\n')
  const counts = rows.map((row) => (JSON.parse(row) as { bid_count: number }).bid_count)
  expect(counts.reduce((a, b) => a + b, 0)).toBe(18_400)
})

describe('settings', () => {
  test('a generator that is not there is refused', async () => {
    const { failure } = await runJobHere(q0, { settings: { generator: 'slow' } }).catch((error) => ({ failure: error }))
    expect(String(failure?.message)).toContain('expected exact, fast or kept')
  })

  test('a data directory of other settings is refused; with its own it gives its result again', async () => {
    const dataDir = mkdtempSync(join(root, 'data-'))
    const file = join(dataDir, 'nexmark-q2.jsonl')
    const run = (events: string) => runJobHere(q2, { dataDir, settings: { events } })
    expect((await run('5000')).state).toBe('finished')
    const first = readFileSync(file, 'utf8')
    const refused = await run('6000')
    expect(refused.state).toBe('failed')
    expect(refused.failure?.message).toContain('5000 events')
    expect((await run('5000')).state).toBe('finished')
    expect(readFileSync(file, 'utf8')).toBe(first)
  })

  test('out=none keeps no rows', async () => {
    const dataDir = mkdtempSync(join(root, 'data-'))
    const { state, metrics } = await runJobHere(q0, { dataDir, settings: { events: '1000', out: 'none' } })
    expect(state).toBe('finished')
    expect(metrics.find(({ node }) => node === 'result')?.recordsIn).toBe(920)
  })
})
