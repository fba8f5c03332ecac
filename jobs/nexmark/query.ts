import { join } from 'node:path'
import {
  boundedOutOfOrderness,
  type ChangelogStream,
  type Job,
  job,
  MillraceError,
  type Settings,
  type Stream,
  seconds,
} from 'millrace'
import { filesSink } from 'millrace/connectors/files'
import { generate } from 'millrace/connectors/generate'
import { Discard } from './discard.ts'
import { type Draws, ExactDraws, FastDraws } from './generator/draws.ts'
import type { AuctionEvent } from './generator/events.ts'
import { eventsKept, keepEvents } from './generator/kept-events.ts'
import { eventMaker } from './generator/make-event.ts'
import { claimRun, writeResult } from './result.ts'

/** Events come in the order of their times; the reference allows for four seconds of disorder all the same. */
const EVENT_TIME = boundedOutOfOrderness<AuctionEvent>(seconds(4), { timestampOf: ({ dateTime }) => dateTime })

/**
 * From the events of the auction house to the rows of a query's result, column by column in their order; or to a changelog, of which
 * the result is the table that it leaves.
 */
export type QueryBody = (events: Stream<AuctionEvent>) => Stream<object> | ChangelogStream<object>

/** A Nexmark query as a job: reads the settings that all of them have (see README.md), and writes what `body` makes. */
export function query(name: string, body: QueryBody): Job {
  const jobName = `nexmark-${name}`
  return job(jobName, (flow, settings) => {
    const count = settings.number('events', 100_000, { min: 0, integer: true })
    const rate = settings.number('rate', 0, { min: 0 })
    const { draws, words, kept } = drawsFrom(settings)
    const out = settings.string('out', join(settings.dataDir, `${jobName}.jsonl`))

    const fresh = eventMaker(draws)
    const make = kept ? eventsKept(fresh) : fresh
    if (kept) flow.onStart(() => keepEvents(fresh))
    // Part k of n makes every nth event: the parts move through event time together.
    const source = generate({ count, make: (n) => make(n), ...(rate > 0 && { perSecond: rate }) })
    const result = body(flow.from('events', source, { watermarks: EVENT_TIME }))
    flow.onStart(() => claimRun(settings.dataDir, jobName, `${count} events, ${words}, result to ${out}`))
    if (out === 'none') {
      const all: Stream<unknown> = 'materialise' in result ? result.changes('changes') : result
      all.to('result', new Discard())
      return
    }
    const rows = 'materialise' in result ? result.materialise('table') : result
    const parts = `${out}.parts`
    rows.to('result', filesSink({ directory: parts, format: 'ndjson' }))
    flow.onFinished(() => {
      const { rows: total, sha256 } = writeResult(parts, out)
      process.stdout.write(`${name}: ${total} rows, sha256 ${sha256}\n`)
    })
  })
}

function drawsFrom(settings: Settings): { readonly draws: Draws; readonly words: string; readonly kept: boolean } {
  const generator = settings.string('generator', 'exact')
  const seed = settings.number('seed', 1, { integer: true })
  const kept = generator === 'kept'
  if (generator === 'exact' || kept) return { draws: new ExactDraws(), words: generator, kept }
  if (generator === 'fast') return { draws: new FastDraws(seed), words: `fast with seed ${seed}`, kept }
  const value = JSON.stringify(generator)
  throw new MillraceError('SETTING_INVALID', { key: 'generator', value, expected: 'exact, fast or kept' })
}
