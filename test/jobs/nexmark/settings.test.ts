// What a query's settings say, and the one query whose result depends on the clock.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import q0 from '../../../jobs/nexmark/q0.ts'
import q2 from '../../../jobs/nexmark/q2.ts'
import q12 from '../../../jobs/nexmark/q12.ts'
import { runJobHere } from '../../../runtime/testing/index.ts'

const root = mkdtempSync(join(tmpdir(), 'nexmark-'))
afterAll(() => {
  rmSync(root, { recursive: true })
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
