// What breaks if a worker thread exits, hangs, or lets an error escape? Real threads, real time.

import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { run } from '../../../runtime/control/run.ts'
import type { RunEvent, RunOptions } from '../../../runtime/control/run-types.ts'
import { systemClock } from '../../../src/util/clock.ts'
import { faultOf, readTarget } from '../../support/ledger-job.ts'

const FAULTY = fileURLToPath(new URL('../../support/jobs/faulty-ledger.ts', import.meta.url))
const RANDOM = fileURLToPath(new URL('../../support/jobs/random-graph.ts', import.meta.url))

let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'workers-'))
  process.env.LEDGER_TARGET = join(folder, 'target')
})
afterEach(() => {
  vi.restoreAllMocks()
  return rm(folder, { recursive: true, force: true })
})

const OPTIONS: RunOptions = {
  parallelism: 3,
  workers: 2,
  checkpoint: { intervalMs: 20 },
  restart: { strategy: 'fixed-delay', attempts: 1, delayMs: 1 },
}

const HEARTBEAT_MS = 400

/** A worker of a busy machine is silent for a while, too, at its start above all: time for heartbeats passes only while `beats`. */
function holdHeartbeats(beats: () => boolean): void {
  const { schedule } = systemClock
  vi.spyOn(systemClock, 'schedule').mockImplementation((delayMs, callback) => {
    if (delayMs !== HEARTBEAT_MS) return schedule(delayMs, callback)
    const timer = setInterval(() => {
      if (!beats()) return
      clearInterval(timer)
      callback()
    }, delayMs)
    return () => clearInterval(timer)
  })
}

async function runFaulty(fault: string): Promise<{ state: string; attempts: number; events: RunEvent[] }> {
  process.env.LEDGER_FAULT = fault
  const events: RunEvent[] = []
  const hangs = (): boolean => existsSync(`${process.env.LEDGER_TARGET}.fault`) && failureIn(events) === undefined
  holdHeartbeats(() => fault === 'hang' && hangs())
  const running = run(FAULTY, { ...OPTIONS, heartbeatMs: HEARTBEAT_MS, dataDir: join(folder, 'data') })
  running.events$.subscribe((event) => events.push(event))
  const { state, attempts } = await running.result
  return { state, attempts, events }
}

const failureIn = (events: readonly RunEvent[]): string | undefined =>
  events.flatMap((event) => (event.type === 'failure' ? [event.failure.message] : []))[0]

describe('worker threads', () => {
  it('run a job in parallel, exactly once', async () => {
    expect(await runFaulty('none')).toMatchObject({ state: 'finished', attempts: 1 })
    expect(faultOf(await readTarget(join(folder, 'target')), 1500)).toBeUndefined()
  })

  it.each([
    ['exit', /^Worker \d ended with code 3\. It ran numbers, by-rest, /],
    ['hang', /^Worker \d did not answer for 1200 ms: one of its functions does not return .* It ran numbers, /],
    ['reject', /nobody waits for this/],
    ['throw-later', /thrown out of a timer/],
  ])('%s: the job restarts from its latest checkpoint', async (fault, message) => {
    const { state, attempts, events } = await runFaulty(fault)
    expect(failureIn(events)).toMatch(message)
    expect([state, attempts]).toEqual(['finished', 2])
    expect(faultOf(await readTarget(join(folder, 'target')), 1500)).toBeUndefined()
  })

  it('a graph that differs between workers is refused, with the difference', async () => {
    const result = await run(RANDOM, { ...OPTIONS, dataDir: join(folder, 'data') }).result
    expect(result.failure).toMatchObject({ code: 'GRAPH_NOT_DETERMINISTIC' })
    expect(result.failure?.message).toMatch(/node 3 is "sums-\d+" once and "sums-\d+" once/)
  })

  it('a job file that is not there fails the run', async () => {
    const result = await run(join(folder, 'missing.ts'), { dataDir: join(folder, 'data') }).result
    expect(result).toMatchObject({ state: 'failed', failure: { code: 'JOB_FILE' } })
  })
})
