// SIGTERM while a job is busy: it ends by itself in time, and what follows is as if it had never been asked.
// Hunts for: a stop that waits for data that does not come, or for a sink that is full; records lost or repeated by it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'libsql'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ProcessResult, runJob, startBin } from '../support/run-job.ts'

const QUICKSTART = fileURLToPath(new URL('../../jobs/quickstart.ts', import.meta.url))
const FAST_SOURCE = fileURLToPath(new URL('../support/jobs/fast-source-job.ts', import.meta.url))
const RECORDS = 50_000
/** Kinds of numbers in that job. */
const RESTS = 8

/** Supervisors commonly grant 10 s, of which the last checkpoint has 7.5; here a busy machine has as much again and more. */
const STOP_WITHIN_MS = 60_000

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'stopping-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

/** SIGTERM when this was written. */
async function stopAt(args: readonly string[], text: string | RegExp): Promise<ProcessResult> {
  const bin = startBin('run-job', args)
  await bin.seen(text)
  const asked = performance.now()
  bin.signal('SIGTERM')
  const result = await bin.result
  expect(performance.now() - asked).toBeLessThan(STOP_WITHIN_MS)
  expect([result.code, result.signal]).toEqual([0, null])
  expect(result.stderr).toContain(' stopped in ')
  return result
}

describe('while a change source reads its tables', () => {
  const settings = ['orders=300000', 'changes=100', 'rate=1000'].flatMap((pair) => ['--set', pair])
  const quickstart = (folder: string): string[] => [QUICKSTART, '--data-dir', join(dir, folder), ...settings]
  const digest = ({ stdout }: ProcessResult): string => /report sha256 \w+/.exec(stdout)?.[0] ?? 'none'

  it('stops with a checkpoint in the middle, and goes on from there', async () => {
    const stopped = await stopAt(quickstart('stopped'), 'checkpoint=1 status=complete')
    const read = Number(/orders +([\d,]+) out/.exec(stopped.stderr)?.[1]?.replaceAll(',', ''))
    expect(read).toBeLessThan(300_000)
    const [second, calm] = [await runJob(quickstart('stopped')), await runJob(quickstart('calm'))]
    expect(second.stderr).toContain('event=restored')
    expect([second.code, digest(second)]).toEqual([0, digest(calm)])
  })
})

describe('a fast source and a sink that is full', () => {
  const job = (us: number): string[] => {
    const settings = [`count=${RECORDS}`, `us=${us}`].flatMap((pair) => ['--set', pair])
    return [FAST_SOURCE, '--data-dir', dir, '--checkpoint-interval', '300ms', '--parallelism', '2', ...settings]
  }

  /** Every number once, each in its place among its kind. */
  function expectAll(): void {
    const db = new Database(join(dir, 'ledger.db'), { readonly: true })
    const sql = `SELECT count(*), count(DISTINCT n), count(DISTINCT (n % ${RESTS}) || '/' || place), max(place) FROM ledger`
    const row = db.prepare(sql).raw(true).get()
    db.close()
    expect(row).toEqual([RECORDS, RECORDS, RECORDS, RECORDS / RESTS])
  }

  it('a slow one: stops behind what was on its way', async () => {
    await stopAt(job(100), 'the slow sink writes')
    const { code, stderr } = await runJob(job(0))
    expect([code, stderr]).toEqual([0, expect.stringContaining('event=restored')])
    expectAll()
  })

  it('one that cannot end in time: gives the last checkpoint up, says so, and loses nothing', async () => {
    const stopped = await stopAt(job(10_000), 'the slow sink writes')
    expect(stopped.stderr).toContain('the last checkpoint did not complete within 7500 ms')
    expect((await runJob(job(0))).code).toBe(0)
    expectAll()
  })

  it('a second signal ends it at once', async () => {
    const bin = startBin('run-job', job(10_000))
    await bin.seen('the slow sink writes')
    bin.signal('SIGTERM')
    await bin.seen('once more ends at once')
    // Signals that come together are one: the shell's and npx's. So it is sent until it counts.
    const again = setInterval(() => bin.signal('SIGTERM'), 100)
    const { code, stderr } = await bin.result
    clearInterval(again)
    expect([code, stderr]).toEqual([143, expect.not.stringContaining(' stopped in ')])
    expect((await runJob(job(0))).code).toBe(0)
    expectAll()
  })
})
