// Each query's result against its model: for several events, parallelisms and cache sizes; and against the digests of another engine.

import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { type Draws, ExactDraws, FastDraws } from '../../../jobs/nexmark/generator/draws.ts'
import { eventMaker } from '../../../jobs/nexmark/generator/make-event.ts'
import q0 from '../../../jobs/nexmark/q0.ts'
import q1 from '../../../jobs/nexmark/q1.ts'
import q2 from '../../../jobs/nexmark/q2.ts'
import q3 from '../../../jobs/nexmark/q3.ts'
import q20 from '../../../jobs/nexmark/q20.ts'
import { type RunHereOptions, runJobHere } from '../../../runtime/testing/index.ts'
import { houseOf, MODELS } from './models.ts'

const full = process.env.MILLRACE_FULL === '1'
const JOBS = { q0, q1, q2, q3, q20 }
type Query = keyof typeof JOBS
const QUERIES = Object.keys(JOBS) as Query[]

const root = mkdtempSync(join(tmpdir(), 'nexmark-'))
afterAll(() => {
  rmSync(root, { recursive: true })
})

/** The text of the result. */
async function resultOf(name: Query, options: RunHereOptions): Promise<string> {
  const dataDir = mkdtempSync(join(root, 'data-'))
  const { state, failure, faultFired } = await runJobHere(JOBS[name], { ...options, dataDir })
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

function expectedOf(name: Query, { draws, count }: Input): string {
  const make = eventMaker(draws)
  const lines = MODELS[name](houseOf(Array.from({ length: count }, (_, n) => make(n))))
  return lines.map((line) => `${line}\n`).join('')
}

const CACHES = [
  ['the usual cache', {}],
  ['a small cache', { stateCacheBytes: 32 << 10 }],
] as const

/** Of each query one that sees enough records to throw in the middle of them. */
const BUSY_NODE: Readonly<Record<Query, string>> = {
  q0: 'row',
  q1: 'row',
  q2: 'some',
  q3: 'local-items',
  q20: 'expanded-bids',
}

describe.each(QUERIES)('%s is as its model says', (name) => {
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
    const fault = { node: BUSY_NODE[name], record: 30 }
    const options = { settings: input.settings, recordsPerCheckpoint: 200, parallelism: 2, fault }
    expect(await resultOf(name, options)).toBe(expectedOf(name, input))
  })
})

test('no model is of nothing', () => {
  for (const name of QUERIES) expect(expectedOf(name, INPUTS.at(-1) as Input).length, name).toBeGreaterThan(100)
})

/** Made by Flink 2.0.0 in SQL from the same events: number of events, SHA-256. */
const DIGESTS: Readonly<Record<Query, readonly (readonly [events: number, sha256: string])[]>> = {
  q0: [
    [100_000, '5b2cdd4fa37da82ed4a692af7f9607df462d09c885dad2a5b40878d694f772af'],
    [1_000_000, '3c0a79882465259af1a8de31ca9af286a46c4b91ac2c36de562c27f5768e25b7'],
  ],
  q1: [
    [100_000, '18de1398dbed711db73d69489f4bc0a8ffc55f704c81df09de8535b9e617d85f'],
    [1_000_000, '075955b3dd8c60a37a2366e00cd3e9371bf962162eb24387af0add037d0209dc'],
  ],
  q2: [
    [100_000, 'b69c8924871576558d1d123ae22077cffed959656db3d9a4522e03696780456a'],
    [1_000_000, '8a4aca2054ac1676231552c977c97d57f276f5dcf4dd81252db2c348394e2726'],
  ],
  q3: [
    [100_000, 'd5390063e681103add8bd671cfdbcc30931ac009ed88d0793ca05b50fa422640'],
    [1_000_000, '3b087c67700d4c6251a830f75c7a81193923b59a6b4f0cc90631e38828469149'],
  ],
  q20: [
    [100_000, '33e33d691b864ad883a9e4ea1776289a59ad13dfbcb2bdc5333657b44e33bf7f'],
    [1_000_000, '09fa75887fd2c5ec86b70f4f70362acd87605ae27efb9d067ad43ef677a69d14'],
  ],
}

test.each(QUERIES)('%s gives the result that Flink gives', { timeout: 300_000 }, async (name) => {
  for (const [events, sha256] of DIGESTS[name].slice(0, full ? 2 : 1)) {
    const result = await resultOf(name, { parallelism: 2, settings: { events: `${events}` } })
    expect(createHash('sha256').update(result).digest('hex'), `${events} events`).toBe(sha256)
  }
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
