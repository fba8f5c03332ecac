// Event time in whole jobs: per split, through crashes, stops and rescaling; idle sources, aligned sources, bad input.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  boundedOutOfOrderness,
  type Collector,
  fromArray,
  type Job,
  job,
  type KeyedProcessContext,
  KeyedProcessFunction,
  monotonousTimestamps,
  type WatermarkOptions,
  type WatermarkStrategy,
} from 'millrace'
import { collect } from 'millrace/connectors/collect'
import { filesSource } from 'millrace/connectors/files'
import { generate } from 'millrace/connectors/generate'
import { type Run, type RunOptions, run } from 'millrace/runtime'
import { runJobHere, testJob } from 'millrace/testing'
import { firstValueFrom } from 'rxjs'
import { filter } from 'rxjs/operators'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MAX_WATERMARK } from '../../../src/record/element.ts'
import {
  type Click,
  type Counted,
  CountWindows,
  clickSource,
  clicks,
  countedIn,
  inOrder,
} from '../../support/event-time-job.ts'

const YEAR_MS = 365 * 86_400_000
const timestampOf = ({ at }: Click): number => at
const monotonous = (options: WatermarkOptions<Click> = {}): WatermarkStrategy<Click> =>
  monotonousTimestamps({ timestampOf, ...options })

let dataDir = ''
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'event-time-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

/** Splits that are years apart, each a little out of order. */
const SPLITS = {
  now: clicks(120, { start: 1_000, jitterMs: 30 }),
  past: clicks(90, { start: -3 * YEAR_MS, jitterMs: 30 }),
  future: clicks(60, { start: 200 * YEAR_MS, jitterMs: 30 }),
}
const ALL = Object.values(SPLITS).flat()

const start = (job: Job, options: RunOptions): Run => run(job, { checkpoint: { intervalMs: 5 }, ...options })

/** Waits for so many more checkpoints. Throws when the job ends instead. */
async function checkpoints(running: Run, count: number): Promise<void> {
  await firstValueFrom(running.state$.pipe(filter((state) => state !== 'created' && state !== 'starting')))
  for (let i = 0; i < count; i += 1) {
    await running.checkpoint().catch(async (error: unknown) => {
      const { failure } = await running.result
      throw failure === undefined ? error : new Error(failure.message)
    })
  }
}

const late = { count: 0 }
const countLate = (): void => {
  late.count += 1
}
beforeEach(() => {
  late.count = 0
})

/** Windows over the splits; event time begins at the source, or in the middle of a job whose splits are read one after the other. */
function windowsJob(out: Counted[], source = () => clickSource(SPLITS)): Job {
  return job('windows', (flow) => {
    flow
      .from('clicks', source, { watermarks: boundedOutOfOrderness(30, { timestampOf }) })
      .keyBy('key', (click) => click.key)
      .process('windows', () => new CountWindows(countLate))
      .to('out', collect(out))
  })
}

describe('event time per split', () => {
  it('makes nothing late of splits that are years apart, fires each timer once, whatever fails and wherever it runs', async () => {
    await testJob((out: Counted[]) => windowsJob(out), {
      expected: countedIn(ALL),
      parallelism: [1, 2, 3],
      recordsPerCheckpoint: 60,
      faults: [
        { node: 'windows', record: 150 },
        { failpoint: 'task.ack.before', passing: 3 },
      ],
    })
    expect(late.count).toBe(0)
  })

  it('never falls and loses nothing when splits move to other subtasks: 1, 2, 3, 1', async () => {
    const out: Counted[] = []
    let mayRead = 0
    const source = (): ReturnType<typeof clickSource> =>
      clickSource(SPLITS, { mayRead: (_, read) => read < mayRead, batch: 5 })
    for (const [parallelism, upTo] of [
      [1, 20],
      [2, 40],
      [3, 58],
    ] as const) {
      mayRead = upTo
      const running = start(windowsJob(out, source), { dataDir, parallelism })
      await checkpoints(running, 3)
      expect(await running.stop()).toMatchObject({ state: 'stopped', failure: undefined })
    }
    // A stop is not the end of event time: windows that are not over wait for what comes.
    expect(out.length).toBeLessThan(countedIn(ALL).length)
    mayRead = Number.POSITIVE_INFINITY
    expect(await runJobHere(windowsJob(out, source), { dataDir })).toMatchObject({ state: 'finished' })
    expect(inOrder(out)).toEqual(inOrder(countedIn(ALL)))
    expect(late.count).toBe(0)
  })

  it('goes on after a restart where it was, also behind a source that has said all it has to say', async () => {
    const out: Counted[] = []
    const open = { quiet: 100, slow: 20 }
    const make = (): Job =>
      job('restarted', (flow) => {
        const [quiet, slow] = (['quiet', 'slow'] as const).map((name) => {
          const source = clickSource(
            { [name]: clicks(100) },
            { endless: true, mayRead: (_, read) => read < open[name] },
          )
          return flow.from(name, source, { watermarks: monotonous() })
        })
        if (quiet === undefined || slow === undefined) return
        // Keeps its event time in checkpoints, and has to tell it again to who reads it.
        const counted = quiet.keyBy('by-key', ({ key }) => key).reduce('last', (_, click) => click)
        counted
          .union('both', slow)
          .keyBy('key', (click) => click.key)
          .process('windows', () => new CountWindows(countLate))
          .to('out', collect(out))
      })
    const all = inOrder(countedIn([...clicks(100), ...clicks(100)]))
    const runUntil = async (end: number): Promise<void> => {
      const over = all.filter((counted) => counted.end <= end)
      const running = start(make(), { dataDir })
      while (out.length < over.length) await checkpoints(running, 1)
      expect(await running.stop()).toMatchObject({ state: 'stopped', failure: undefined })
      expect(inOrder(out)).toEqual(over)
    }
    await runUntil(200)
    open.slow = 90
    await runUntil(900)
    expect(late.count).toBe(0)
  })

  it('begins in the middle of a job just as well, if records are no further apart than is said', async () => {
    const input = clicks(200, { jitterMs: 50 })
    const make = (out: Counted[]): Job =>
      job('assigned', (flow) => {
        flow
          .from('clicks', fromArray(input))
          .assignTimestampsAndWatermarks('times', boundedOutOfOrderness(50, { timestampOf }))
          .keyBy('key', (click) => click.key)
          .process('windows', () => new CountWindows(countLate))
          .to('out', collect(out))
      })
    const { metrics } = await runJobHere(make([]))
    // Also the node at which event time begins: at the end it is over.
    expect(metrics.map(({ watermark }) => watermark)).toEqual(metrics.map(() => MAX_WATERMARK))
    const faults = [
      { node: 'times', record: 90 },
      { node: 'windows', record: 120 },
    ]
    await testJob(make, { expected: countedIn(input), recordsPerCheckpoint: 40, faults })
    expect(late.count).toBe(0)
  })

  it('a job that has finished is not at the end of event time when it finds more to read', async () => {
    const out: Counted[] = []
    const make = (): Job =>
      job('files', (flow) => {
        flow
          .from('clicks', filesSource<Click>({ paths: join(dataDir, '*.ndjson'), format: 'ndjson' }), {
            watermarks: monotonous(),
          })
          .keyBy('key', (click) => click.key)
          .process('windows', () => new CountWindows(countLate, 'may fall'))
          .to('out', collect(out))
      })
    const input = [clicks(50, { start: 5_000 }), clicks(50)]
    for (const [i, part] of input.entries()) {
      writeFileSync(join(dataDir, `${i}.ndjson`), part.map((click) => `${JSON.stringify(click)}\n`).join(''))
      expect(await runJobHere(make(), { dataDir: join(dataDir, 'data') })).toMatchObject({ failure: undefined })
    }
    expect(late.count).toBe(0)
    expect(inOrder(out)).toEqual(inOrder(countedIn(input.flat())))
  })
})

describe('idleness', () => {
  it('a source without records does not stop event time, and does if nothing is said of it', async () => {
    const input = clicks(60)
    // The last window is not over: nothing has come from behind it.
    const over = countedIn(input).filter(({ end }) => end <= 590)
    const counted = async (options: WatermarkOptions<Click>): Promise<Counted[]> => {
      const out: Counted[] = []
      const idle = job('idle', (flow) => {
        const busy = flow.from('busy', clickSource({ a: input }, { endless: true }), { watermarks: monotonous() })
        const silent = flow.from('silent', clickSource({ b: [] }, { endless: true }), {
          watermarks: monotonous(options),
        })
        busy
          .union('both', silent)
          .keyBy('key', (click) => click.key)
          .process('windows', () => new CountWindows(countLate))
          .to('out', collect(out))
      })
      const running = start(idle, { dataDir: join(dataDir, String(options.idleAfterMs)) })
      await checkpoints(running, 10)
      while (options.idleAfterMs !== undefined && out.length < over.length) await checkpoints(running, 1)
      await running.stop()
      return out
    }
    expect(inOrder(await counted({ idleAfterMs: 20 }))).toEqual(inOrder(over))
    expect(await counted({})).toEqual([])
  })
})

describe('alignment', () => {
  const DRIFT_MS = 1_000
  const BATCH = 10
  const STEP_MS = 100

  /** How far the readers have come, and the furthest that the fast one was ahead while the slow one had records. */
  class Readers {
    readonly at: Record<string, number> = { slow: -1, fast: -1 }
    maxDriftMs = 0
    readonly #aheadMs: number

    /** The slow one reads on once the other is so far ahead of it. */
    constructor(aheadMs: number) {
      this.#aheadMs = aheadMs
    }

    readonly mayRead = (split: string): boolean =>
      split !== 'slow' || (this.at.fast as number) - (this.at.slow as number) >= this.#aheadMs

    seen(name: string, click: Click): Click {
      this.at[name] = click.at
      const drift = (this.at.fast as number) - (this.at.slow as number)
      if ((this.at.slow as number) < slow.length - 1) this.maxDriftMs = Math.max(this.maxDriftMs, drift)
      return click
    }
  }
  const slow = clicks(20_000, { stepMs: 1 })
  const fast = clicks(400, { stepMs: STEP_MS })

  function twoSources(readers: Readers, options: WatermarkOptions<Click>): Job {
    const { mayRead } = readers
    return job('aligned', (flow) => {
      for (const [name, input] of Object.entries({ slow, fast })) {
        flow
          .from(name, clickSource({ [name]: input }, { batch: BATCH, mayRead }), { watermarks: monotonous(options) })
          .map(`see-${name}`, (click) => readers.seen(name, click))
          .to(`out-${name}`, collect<Click>([]))
      }
    })
  }

  const alignment = { group: 'clicks', maxDriftMs: DRIFT_MS }
  // It stops behind the batch with which it went too far.
  const LIMIT_MS = DRIFT_MS + BATCH * STEP_MS

  it('two sources whose event times run at very different speed stay together', async () => {
    const free = new Readers(5 * LIMIT_MS)
    expect(await runJobHere(twoSources(free, {}))).toMatchObject({ state: 'finished' })
    expect(free.maxDriftMs).toBeGreaterThan(LIMIT_MS)
    const aligned = new Readers(0)
    expect(await runJobHere(twoSources(aligned, { alignment }))).toMatchObject({ state: 'finished' })
    expect(aligned.maxDriftMs).toBeGreaterThan(0)
    expect(aligned.maxDriftMs).toBeLessThanOrEqual(LIMIT_MS)
  })

  it('so do the splits of one source', async () => {
    const readers = new Readers(0)
    const marked = { slow: slow.map((one) => ({ ...one, key: 1 })), fast: fast.map((one) => ({ ...one, key: 2 })) }
    const aligned = job('aligned-splits', (flow) => {
      flow
        .from('clicks', clickSource(marked, { batch: BATCH }), { watermarks: monotonous({ alignment }) })
        .map('see', (click) => readers.seen(click.key === 1 ? 'slow' : 'fast', click))
        .to('out', collect<Click>([]))
    })
    expect(await runJobHere(aligned)).toMatchObject({ state: 'finished' })
    expect(readers.maxDriftMs).toBeGreaterThan(0)
    expect(readers.maxDriftMs).toBeLessThanOrEqual(LIMIT_MS)
  })

  it('who is held back takes part in checkpoints, and goes on when the other is idle', async () => {
    let slowMay = 5
    const options = { alignment, idleAfterMs: 60_000 }
    const make = (idleAfterMs: number): Job =>
      job('held', (flow) => {
        const stuck = clickSource({ slow }, { batch: BATCH, mayRead: (_, read) => read < slowMay })
        flow
          .from('slow', stuck, { watermarks: monotonous({ ...options, idleAfterMs }) })
          .to('out-slow', collect<Click>([]))
        flow
          .from('fast', clickSource({ fast }, { batch: BATCH }), { watermarks: monotonous(options) })
          .to('out-fast', collect<Click>(fastOut))
      })
    const fastOut: Click[] = []
    const held = start(make(60_000), { dataDir })
    await checkpoints(held, 10)
    expect(await held.stop()).toMatchObject({ state: 'stopped' })
    expect(fastOut.length).toBeLessThanOrEqual(LIMIT_MS / STEP_MS + 1)
    const free = start(make(20), { dataDir })
    while (fastOut.length < fast.length) await checkpoints(free, 1)
    slowMay = Number.POSITIVE_INFINITY
    expect(await free.result).toMatchObject({ state: 'finished' })
  })

  it('through crashes and at other parallelism, also beside a source that has ended', async () => {
    const input = { slow: clicks(300, { stepMs: 3 }), fast: clicks(40, { stepMs: 100 }) }
    const make = (out: Counted[]): Job =>
      job('aligned-windows', (flow) => {
        const [a, b] = Object.entries(input).map(([name, list]) =>
          flow.from(name, clickSource({ [name]: list }), { watermarks: monotonous({ alignment }) }),
        )
        if (a === undefined || b === undefined) return
        a.union('both', b)
          .keyBy('key', (click) => click.key)
          .process('windows', () => new CountWindows(countLate))
          .to('out', collect(out))
      })
    const expected = countedIn([...input.slow, ...input.fast])
    await testJob(make, { expected, recordsPerCheckpoint: 60, faults: [{ node: 'windows', record: 100 }] })
    expect(late.count).toBe(0)
  })
})

describe('what is refused, and what is not', () => {
  const failureOf = async (at: unknown, how: 'source' | 'assign' | 'none'): Promise<string | undefined> => {
    const bad = job('bad', (flow) => {
      const input = fromArray([{ key: 1, at: 5 }, { key: 2, at } as Click])
      const options =
        how === 'source'
          ? { watermarks: monotonous() }
          : how === 'none'
            ? { watermarks: monotonousTimestamps<Click>() }
            : {}
      const from = flow.from('clicks', input, options)
      const timed = how === 'assign' ? from.assignTimestampsAndWatermarks('times', monotonous()) : from
      timed.to('out', collect<Click>([]))
    })
    const { failure } = await runJobHere(bad, { restart: { strategy: 'none' } })
    return failure?.message
  }

  it.each([Number.NaN, undefined, Number.POSITIVE_INFINITY, 2 ** 60])(
    'an event time of %s fails the job',
    async (at) => {
      const words = `threw on { key: 2, at: ${at} }: its event time is ${at}, expected milliseconds since the epoch`
      expect(await failureOf(at, 'source')).toBe(`Node "clicks" ${words}`)
      expect(await failureOf(at, 'assign')).toBe(`Node "times" ${words}`)
    },
  )

  it('so does a record without any', async () => {
    expect(await failureOf(1, 'none')).toMatch(/^Node "clicks" .* it has no event time: give the watermark strategy/)
  })

  it.each([Number.NaN, undefined, Number.POSITIVE_INFINITY])(
    'so does a timer for %s, and a record emitted at it',
    async (at) => {
      class Wrong extends KeyedProcessFunction<number, Click, Click> {
        override process(click: Click, { timers }: KeyedProcessContext<number>, out: Collector<Click>): void {
          if (click.key === 1) timers.registerEventTimeTimer(at as number)
          else out.emitAt(click, at as number)
        }
      }
      const messages = [1, 2].map(async (key) => {
        const wrong = job('wrong', (flow) => {
          flow
            .from('clicks', fromArray([{ key, at: 5 }]))
            .keyBy('key', (click) => click.key)
            .process('wrong', () => new Wrong())
            .to('out', collect<Click>([]))
        })
        return (await runJobHere(wrong, { restart: { strategy: 'none' } })).failure?.message
      })
      expect(await Promise.all(messages)).toEqual([
        `Node "wrong" threw on { key: 1, at: 5 }: a timer was set for ${at}, expected milliseconds since the epoch`,
        `Node "wrong" threw on { key: 2, at: 5 }: its event time is ${at}, expected milliseconds since the epoch`,
      ])
    },
  )

  it('alignment anywhere but in a source is', () => {
    const wrong = job('wrong', (flow) => {
      flow
        .from('clicks', fromArray(clicks(1)))
        .assignTimestampsAndWatermarks('times', monotonous({ alignment: { group: 'g', maxDriftMs: 1 } }))
        .to('out', collect<Click>([]))
    })
    expect(() => wrong.build({ settings: {}, dataDir, mode: 'stream' })).toThrow(/alignment/)
  })

  it('a million timers at one instant are not', async () => {
    let fired = 0
    class Alarm extends KeyedProcessFunction<number, number, never> {
      override process(_index: number, { timers }: KeyedProcessContext<number>): void {
        timers.registerEventTimeTimer(42)
      }
      override onTimer(): void {
        fired += 1
      }
    }
    const TIMERS = 1_000_000
    const storm = job('storm', (flow) => {
      const numbers = generate({ count: TIMERS, make: (index) => index })
      flow
        .from('numbers', numbers, { watermarks: monotonousTimestamps({ timestampOf: () => 42 }) })
        .keyBy('key', (index) => index)
        .process('alarm', () => new Alarm())
        .to('out', collect<never>([]))
    })
    expect(await runJobHere(storm, { checkpoint: { intervalMs: 60_000 } })).toMatchObject({ state: 'finished' })
    expect(fired).toBe(TIMERS)
  })
})
