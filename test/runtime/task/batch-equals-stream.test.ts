// What the language offers over keys and time has the same final rows in batch mode: on records out of order, but none late.

import { expect, test } from 'vitest'
import { runJobHere } from '../../../runtime/testing/index.ts'
import { collect } from '../../../src/connectors/collect/index.ts'
import { generate } from '../../../src/connectors/generate/index.ts'
import {
  boundedOutOfOrderness,
  count,
  cumulativeWindows,
  job,
  max,
  type Stream,
  sessionWindows,
  slidingWindows,
  sum,
  type TimeWindow,
  tumblingWindows,
} from '../../../src/index.ts'

interface Item {
  readonly id: number
  readonly key: string
  readonly at: number
  readonly worth: number
}

const LATENESS_MS = 50
const COUNT = 1500

/** Two streams of about fifteen seconds with a few gaps; each record up to LATENESS_MS behind those before it. */
const item = (salt: number) => (id: number) => {
  const n = id * 2654435761 + salt
  const gap = Math.floor(id / 300) * 700
  return { id, key: `key ${n % 23}`, at: id * 10 + gap + (n % LATENESS_MS), worth: n % 101 }
}

type Body = (left: Stream<Item>, right: Stream<Item>) => Stream<unknown>

const by = (stream: Stream<Item>, name: string) => stream.keyBy(name, ({ key }) => key)
const total = {
  create: () => 0,
  add: ({ worth }: Item, so: number) => so + worth,
  result: (so: number) => so,
  merge: (a: number, b: number) => a + b,
}
const pair = (a: Item | undefined, b: Item | undefined): string => `${a?.id ?? '-'}+${b?.id ?? '-'}`

const BODIES: Readonly<Record<string, Body>> = {
  'tumbling windows': (left) =>
    by(left, 'k')
      .window(tumblingWindows(100))
      .aggregate('w', total, (key: string, { start }: TimeWindow, result: number) => [key, start, result]),
  'sliding windows': (left) =>
    by(left, 'k')
      .window(slidingWindows(400, 100))
      .aggregate('w', total, (key: string, { start }: TimeWindow, result: number) => [key, start, result]),
  'cumulative windows': (left) =>
    by(left, 'k')
      .window(cumulativeWindows(1000, 250))
      .aggregate('w', total, (key: string, { start, end }: TimeWindow, result: number) => [key, start, end, result]),
  'session windows': (left) =>
    by(left, 'k')
      .window(sessionWindows(180))
      .process('w', (values, { key, window }, out) => {
        const ids = [...values].map(({ id }) => id).sort((a, b) => a - b)
        out.emit([key, window.start, window.end, ids])
      }),
  'windows over all': (left) => left.windowAll(tumblingWindows(500)).aggregate('w', total),
  'windows of windows': (left) =>
    by(left, 'k')
      .window(tumblingWindows(100))
      .aggregate('w', total, (key: string, _window: TimeWindow, result: number) => ({ key, result }))
      .windowAll(tumblingWindows(1000))
      .reduce('best', (a, b) => (a.result > b.result || (a.result === b.result && a.key < b.key) ? a : b)),
  'join without bounds': (left, right) =>
    by(
      left.filter('l', ({ id }) => id % 7 === 0),
      'k',
    )
      .join(
        by(
          right.filter('r', ({ id }) => id % 11 === 0),
          'q',
        ),
      )
      .unbounded()
      .apply('j', pair),
  'join by window': (left, right) =>
    by(left, 'k').join(by(right, 'q')).window(tumblingWindows(200), { type: 'full' }).apply('j', pair),
  'join by interval': (left, right) =>
    by(left, 'k').join(by(right, 'q')).between(-60, 90, { type: 'full' }).apply('j', pair),
  'join against versions': (left, right) =>
    // The second of two versions of one time counts, whichever that is: so there is one for each time.
    by(left, 'k')
      .temporalJoin(
        by(
          right.filter('once', ({ at, id }) => at % 23 === id % 23),
          'q',
        ),
        { type: 'left' },
      )
      .apply('j', (a, b) => `${a.id}@${b?.at}`),
  'groups of a changelog': (left) =>
    left
      .toChangelog()
      .groupBy('g', ({ key }) => key)
      .aggregate('n', count(), (key, n) => ({ key, n }))
      .groupBy('again', ({ n }) => n)
      .aggregate('keys', count(), (n, keys) => ({ n, keys }))
      .materialise('m'),
  'best of each key': (left) =>
    left
      .toChangelog()
      .topN('top', { key: ({ key }) => key, n: 3, orderBy: (a, b) => b.worth - a.worth || a.id - b.id })
      .materialise('m'),
  'first of each key': (left) =>
    left
      .toChangelog()
      .deduplicate('first', ({ key }) => key, { keep: 'first', orderBy: (a, b) => a.at - b.at || a.id - b.id })
      .materialise('m'),
  'join of changelogs': (left, right) =>
    left
      .toChangelog()
      .groupBy('l', ({ key }) => key)
      .aggregate(
        'sum',
        sum(({ worth }) => worth),
        (key, worth) => ({ key, worth }),
      )
      .join(
        'j',
        right
          .toChangelog()
          .groupBy('r', ({ key }) => key)
          .aggregate(
            'max',
            max(({ worth }) => worth),
            (key, worth) => ({ key, worth }),
          ),
        {
          leftKey: ({ key }) => key,
          rightKey: ({ key }) => key,
          row: (a, b) => ({ key: a.key, sum: a.worth, max: b.worth }),
        },
      )
      .materialise('m'),
}

test.each(Object.entries(BODIES))('%s', async (_name, body) => {
  const rows = async (mode: 'stream' | 'batch', parallelism: number, stateCacheBytes?: number): Promise<string[]> => {
    const out: unknown[] = []
    const both = job('both', (flow) => {
      const watermarks = boundedOutOfOrderness<Item>(LATENESS_MS, { timestampOf: ({ at }) => at })
      const left = flow.from('left', generate({ count: COUNT, make: item(1) }), { watermarks })
      const right = flow.from('right', generate({ count: COUNT, make: item(17) }), { watermarks })
      right.to('beside', collect<Item>([]))
      body(left, right).to('out', collect(out))
    })
    const memory = stateCacheBytes === undefined ? {} : { stateCacheBytes }
    const { failure } = await runJobHere(both, { mode, parallelism, ...memory })
    expect(failure).toBeUndefined()
    return out.map((row) => JSON.stringify(row)).sort()
  }
  const streamed = await rows('stream', 2)
  expect(streamed.length).toBeGreaterThan(1)
  expect(await rows('batch', 1)).toEqual(streamed)
  expect(await rows('batch', 3, 1024)).toEqual(streamed)
})
