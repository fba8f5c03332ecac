// What the tests of the queries share: runs in this process, inputs, and the lines that a model expects of them.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Draws, ExactDraws, FastDraws } from '../../../jobs/nexmark/generator/draws.ts'
import { eventMaker } from '../../../jobs/nexmark/generator/make-event.ts'
import { type RunHereOptions, runJobHere } from '../../../runtime/testing/index.ts'
import { KNOWN_QUERIES, QUERY_NAMES, type QueryName } from './known-queries.ts'
import { houseOf } from './models.ts'

export const full = process.env.MILLRACE_FULL === '1'

/** The text of the result. */
export async function resultOf(name: QueryName, options: RunHereOptions): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), 'nexmark-'))
  try {
    const { state, failure, faultFired } = await runJobHere(KNOWN_QUERIES[name].job, { ...options, dataDir })
    expect(failure).toBeUndefined()
    expect(state).toBe('finished')
    expect(faultFired).toBe(options.fault !== undefined)
    return readFileSync(join(dataDir, `nexmark-${name}.jsonl`), 'utf8')
  } finally {
    rmSync(dataDir, { recursive: true })
  }
}

export interface Input {
  readonly settings: Readonly<Record<string, string>>
  readonly draws: Draws
  readonly count: number
}

/** In full mode, what npm test leaves out. */
export const INPUTS: readonly Input[] = [
  ...(full ? [] : [0, 49, 2_000]).map((count) => ({
    settings: { events: `${count}` },
    draws: new ExactDraws(),
    count,
  })),
  ...(full ? [2, 3] : [1]).map((seed) => ({
    settings: { events: '3000', generator: 'fast', seed: `${seed}` },
    draws: new FastDraws(seed),
    count: 3_000,
  })),
]

export function expectedOf(name: QueryName, { draws, count }: Input): string {
  const make = eventMaker(draws)
  const lines = KNOWN_QUERIES[name].model(houseOf(Array.from({ length: count }, (_, n) => make(n))))
  return lines.map((line) => `${line}\n`).join('')
}

/** Every query, at several parallelisms, as its model says: with so much of the heap for state. */
export function describeQueries(parallelisms: readonly number[], cache: { readonly stateCacheBytes?: number }): void {
  describe.each(QUERY_NAMES)('%s is as its model says', (name) => {
    test.each(parallelisms)('at parallelism %i', async (parallelism) => {
      for (const input of INPUTS) {
        const options = { ...cache, parallelism, settings: input.settings, recordsPerCheckpoint: 400 }
        expect(await resultOf(name, options), JSON.stringify(input.settings)).toBe(expectedOf(name, input))
      }
    })
  })
}
