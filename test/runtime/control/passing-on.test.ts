// Jobs with a sink that passes on later what it committed: when they have finished, and what else ends them.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { firstValueFrom } from 'rxjs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { run } from '../../../runtime/control/run.ts'
import type { Run, RunOptions } from '../../../runtime/control/run-types.ts'
import { generate } from '../../../src/connectors/generate/index.ts'
import { AppendSinkFunction, fromArray, job } from '../../../src/index.ts'
import { type Deferred, deferred } from '../../../src/util/deferred.ts'

let dataDir = ''
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'passing-'))
})
afterEach(() => rm(dataDir, { recursive: true, force: true }))

/** What happens to the sinks of a test, across attempts and runs. */
class Line {
  readonly calls: string[] = []
  /** Waited for by drained(). */
  readonly gates: Deferred[] = []
  /** Resolves at the nth call of drained(). */
  async draining(n: number): Promise<void> {
    while (this.gates.length < n) await new Promise((resolve) => setImmediate(resolve))
  }
}

class LineSink extends AppendSinkFunction<number> {
  override readonly parallelism = 1
  readonly #line: Line
  #records = 0

  constructor(line: Line) {
    super()
    this.#line = line
  }

  restore(): void {}
  write(records: readonly number[]): void {
    this.#records += records.length
  }
  prepare() {
    const commit = this.#records
    this.#records = 0
    return { state: undefined, commit }
  }
  commit(records: unknown): void {
    if (Number(records) > 0) this.#line.calls.push(`commit ${Number(records)}`)
  }
  override drained(): Promise<void> {
    this.#line.calls.push('drained')
    const gate = deferred()
    this.#line.gates.push(gate)
    return gate.promise
  }
  override close(): void {
    this.#line.calls.push('close')
  }
}

function start(line: Line, options: RunOptions = {}): Run {
  const numbers = job('numbers', (flow) => {
    flow.from('in', fromArray([1, 2, 3])).to('out', () => new LineSink(line))
  })
  return run(numbers, { dataDir, restart: { strategy: 'fixed-delay', attempts: 3, delayMs: 1 }, ...options })
}

describe('a job whose sink passes on later what it committed', () => {
  it('has finished when that is done', async () => {
    const line = new Line()
    const running = start(line)
    await line.draining(1)
    expect(line.calls).toEqual(['commit 3', 'drained'])
    line.gates[0]?.resolve()
    expect(await running.result).toMatchObject({ state: 'finished', failure: undefined })
    expect(line.calls).toEqual(['commit 3', 'drained', 'close'])
  })

  it('is stopped at once while it waits; started again, it goes on waiting, and finishes', async () => {
    const line = new Line()
    const running = start(line)
    await line.draining(1)
    expect(await running.stop()).toMatchObject({ state: 'stopped', failure: undefined })
    expect(line.calls).toEqual(['commit 3', 'drained', 'close'])
    const again = start(line)
    await line.draining(2)
    line.gates[1]?.resolve()
    expect(await again.result).toMatchObject({ state: 'finished', attempts: 1 })
    expect(line.calls).toEqual(['commit 3', 'drained', 'close', 'commit 3', 'drained', 'close'])
  })

  it('is cancelled at once while it waits', async () => {
    const line = new Line()
    const running = start(line)
    await line.draining(1)
    expect(await running.cancel()).toMatchObject({ state: 'cancelled' })
  })

  it('restarts when that fails, and asks again', async () => {
    const line = new Line()
    const running = start(line)
    await line.draining(1)
    line.gates[0]?.reject(new Error('the line is cut'))
    await line.draining(2)
    line.gates[1]?.resolve()
    expect(await running.result).toMatchObject({ state: 'finished', attempts: 2 })
  })

  it('does not wait for it when it was stopped before its input ended', async () => {
    const line = new Line()
    const endless = job('endless', (flow) => {
      flow.from('in', generate({ make: (n) => n })).to('out', () => new LineSink(line))
    })
    const running = run(endless, { dataDir, checkpoint: { intervalMs: 10 } })
    await firstValueFrom(running.checkpoints$)
    expect(await running.stop()).toMatchObject({ state: 'stopped' })
    expect(line.calls.filter((call) => call === 'drained')).toEqual([])
  })
})
