// What windows do beside the model: the clock, early results, triggers, counts, lateness counted, and bad input.

import { describe, expect, it } from 'vitest'
import { at, elapse, runJobHere, watermark } from '../../../../runtime/testing/index.ts'
import { collect } from '../../../../src/connectors/collect/index.ts'
import { print } from '../../../../src/connectors/print/index.ts'
import {
  batchOf,
  continuousEventTimeTrigger,
  continuousProcessingTimeTrigger,
  count,
  countTrigger,
  eventTimeTrigger,
  fromArray,
  globalWindows,
  type Job,
  job,
  type KeyedStream,
  last,
  monotonousTimestamps,
  ProcessWindowFunction,
  processingTimeTrigger,
  purgingTrigger,
  sessionWindows,
  slidingWindows,
  type Trigger,
  tumblingWindows,
  type WindowContext,
} from '../../../../src/index.ts'
import { assert } from '../../../../src/util/assert.ts'
import { CollectedOutput, HeapKeyedContext } from '../../../support/operator-driver.ts'
import { runtimeContext } from '../../../support/runtime-context.ts'
import { row, run, windows } from './window-job.ts'

describe('windows of the clock', () => {
  const tumbling = windows<string>((keyed) =>
    keyed.window(tumblingWindows(10, { processingTime: true })).aggregate('windows', count(), row),
  )

  it('close when the clock has passed their last millisecond', () =>
    run(tumbling, {
      input: ['a', 'b', elapse(9), 'a', elapse(1), 'a', elapse(30), 'b', elapse(10)],
      expected: [at(9, ['a', 0, 10, 2]), at(9, ['b', 0, 10, 1]), at(19, ['a', 10, 20, 1]), at(49, ['b', 40, 50, 1])],
      anyOrder: true,
    }))

  it('that are open when the input ends have their results then', () =>
    run(tumbling, {
      input: ['a', elapse(4), 'a', 'b'],
      expected: [row('a', { start: 0, end: 10 }, 2), row('b', { start: 0, end: 10 }, 1)],
      anyOrder: true,
    }))

  it('slide', () =>
    run(
      windows<string>((keyed) =>
        keyed.window(slidingWindows(10, 5, { processingTime: true })).aggregate('windows', count(), row),
      ),
      {
        input: ['a', elapse(5), 'a', elapse(5), elapse(5)],
        expected: [
          row('a', { start: -5, end: 5 }, 1),
          row('a', { start: 0, end: 10 }, 2),
          row('a', { start: 5, end: 15 }, 1),
        ],
      },
    ))

  it('are sessions', () =>
    run(
      windows<string>((keyed) =>
        keyed.window(sessionWindows(10, { processingTime: true })).aggregate('windows', count(), row),
      ),
      {
        input: ['a', elapse(9), 'a', elapse(9), 'a', elapse(11), 'a'],
        expected: [row('a', { start: 0, end: 28 }, 3), row('a', { start: 29, end: 39 }, 1)],
      },
    ))

  it('have triggers', () =>
    run(
      windows<string>((keyed) =>
        keyed
          .window(tumblingWindows(10, { processingTime: true }))
          .trigger(processingTimeTrigger())
          .aggregate('windows', count(), row),
      ),
      {
        input: ['a', elapse(10), 'a', elapse(3), 'a'],
        expected: [row('a', { start: 0, end: 10 }, 1), row('a', { start: 10, end: 20 }, 2)],
      },
    ))
})

describe('early results', () => {
  it('come by the clock as long as records come, and then the final one', () =>
    run(
      windows<string>((keyed) => keyed.window(tumblingWindows(100)).emitEvery(10).aggregate('windows', count(), row)),
      {
        input: [at(1, 'a'), elapse(10), elapse(10), at(2, 'a'), at(120, 'a'), elapse(10), watermark(99), elapse(50)],
        expected: [
          row('a', { start: 0, end: 100 }, 1),
          row('a', { start: 0, end: 100 }, 2),
          row('a', { start: 100, end: 200 }, 1),
          row('a', { start: 0, end: 100 }, 2),
          row('a', { start: 100, end: 200 }, 1),
        ],
      },
    ))

  it('are those of sessions too', () =>
    run(
      windows<string>((keyed) => keyed.window(sessionWindows(10)).emitEvery(5).aggregate('windows', count(), row)),
      {
        input: [at(1, 'a'), elapse(5), at(4, 'a'), elapse(5), watermark(13)],
        expected: [
          row('a', { start: 1, end: 11 }, 1),
          row('a', { start: 1, end: 14 }, 2),
          row('a', { start: 1, end: 14 }, 2),
        ],
      },
    ))
})

describe('triggers', () => {
  const day = tumblingWindows(100)
  const counted = (
    trigger: Trigger<unknown, never>,
    assigner: Parameters<KeyedStream<string, string>['window']>[0] = day,
  ): Job =>
    windows<string>((keyed) =>
      keyed
        .window(assigner)
        .trigger(trigger as Trigger)
        .aggregate('windows', count(), (_key, _window, n) => n),
    )

  it('by count keep what there is, purging ones forget it', async () => {
    const input = Array.from({ length: 5 }, (_, i) => at(i, 'a'))
    await run(counted(countTrigger(2)), { input, expected: [2, 4] })
    await run(counted(purgingTrigger(countTrigger(2))), { input, expected: [2, 2] })
  })

  it('by count add up what merging sessions had', () =>
    run(counted(countTrigger(4), sessionWindows(10)), {
      input: [at(0, 'a'), at(1, 'a'), at(20, 'a'), at(10, 'a'), at(40, 'a')],
      expected: [4],
    }))

  it('that go on fire at multiples of event time and at the end', () =>
    run(counted(continuousEventTimeTrigger(10)), {
      input: [at(3, 'a'), watermark(10), at(12, 'a'), watermark(35), at(50, 'a'), watermark(99)],
      expected: [1, 2, 3, 3],
      end: false,
    }))

  it('that go on fire by the clock and at the end', () =>
    run(counted(continuousProcessingTimeTrigger(10)), {
      input: [at(3, 'a'), elapse(10), at(12, 'a'), elapse(10), watermark(99), elapse(100)],
      expected: [1, 2, 2],
    }))

  it('make global windows speak', async () => {
    await run(counted(purgingTrigger(countTrigger(3)), globalWindows()), {
      input: ['a', 'b', 'a', 'a', 'b', 'a'],
      expected: [3],
    })
    await run(counted(eventTimeTrigger(), globalWindows()), { input: [at(1, 'a'), at(2, 'a')], expected: [2] })
  })

  it('of their own keep state and timers for each window', () =>
    run(
      counted({
        onElement(_value, timestamp, _window, context) {
          const first = (context.state as number | undefined) ?? (timestamp as number)
          context.state = first as never
          context.registerEventTimeTimer(first + 5)
          context.registerEventTimeTimer(first + 7)
          context.deleteEventTimeTimer(first + 7)
          return 'CONTINUE'
        },
        onEventTime: (timestamp, _window, context) => (timestamp === (context.state ?? 0) + 5 ? 'FIRE' : 'PURGE'),
      } satisfies Trigger<unknown, never>),
      { input: [at(3, 'a'), at(4, 'a'), watermark(8), at(104, 'a'), watermark(150)], expected: [2, 1] },
    ))
})

describe('count windows', () => {
  const listed = (size: number, slide?: number): Job =>
    job('windows', (flow) => {
      flow
        .from('items', fromArray<readonly [string, number]>([]))
        .keyBy('key', ([key]) => key)
        .countWindow(size, slide)
        .process<string>('windows', (values, { key }, out) => {
          out.emit(`${key}${values.map(([, n]) => n).join('')}`)
        })
        .to('out', print())
    })
  const items = (...names: string[]): (readonly [string, number])[] => names.map((name, i) => [name, i])

  it('hold so many records of a key', () =>
    run(listed(2), { input: items('a', 'b', 'a', 'a', 'b', 'a', 'a'), expected: ['a02', 'b14', 'a35'] }))

  it('slide, and are short in the beginning', () =>
    run(listed(4, 2), { input: items('a', 'a', 'a', 'a', 'a', 'a', 'a'), expected: ['a01', 'a0123', 'a2345'] }))

  it('slide by what does not divide their size', () =>
    run(listed(3, 2), { input: items('a', 'a', 'a', 'a', 'a', 'a'), expected: ['a01', 'a123', 'a345'] }))

  it('leave gaps', () => run(listed(2, 3), { input: items('a', 'a', 'a', 'a', 'a', 'a'), expected: ['a12', 'a45'] }))
})

describe('all records in one window', () => {
  it('meet in one subtask, whatever the parallelism', async () => {
    for (const parallelism of [1, 2, 3]) {
      const out: number[] = []
      const sums = job('all', (flow) => {
        flow
          .from('items', fromArray(Array.from({ length: 100 }, (_, i) => i)), {
            watermarks: monotonousTimestamps({ timestampOf: (i: number) => i }),
          })
          .windowAll(tumblingWindows(40))
          .reduce('sums', (a, b) => a + b)
          .to('out', collect(out))
      })
      const { state } = await runJobHere(sums, { parallelism, recordsPerCheckpoint: 7 })
      expect(state).toBe('finished')
      expect(out.sort((a, b) => a - b)).toEqual([780, 1790, 2380])
    }
  })
})

describe('late records', () => {
  it.each([
    ['tumbling', tumblingWindows(10), undefined, 7],
    ['sliding', slidingWindows(10, 5), undefined, 5],
    ['session', sessionWindows(5), undefined, 6],
    ['triggered', tumblingWindows(10), eventTimeTrigger(), 7],
  ] as const)('without a side output are counted, exactly: %s', (_kind, assigner, trigger, expected) => {
    const { graph } = windows<string>((keyed) => {
      const stream = keyed.window(assigner)
      return (trigger === undefined ? stream : stream.trigger(trigger)).aggregate('windows', count())
    }).build({ settings: {}, dataDir: '', mode: 'stream' })
    const node = graph.nodes.find(({ name }) => name === 'windows')
    assert(node?.kind === 'operator', 'there is such a node')
    const operator = node.create()
    const keyed = new HeapKeyedContext()
    const counters = new Map<string, number>()
    operator.open?.({ ...runtimeContext({ counters }), keyed, restored: [], wake: () => undefined })
    keyed.timers.watermark = 19
    const times = [0, 9, 14, 14, 15, 19, 20, 5, 30]
    const out = new CollectedOutput()
    operator.process(
      batchOf(
        times.map(String),
        times,
        times.map(() => 'key'),
      ),
      out,
      0,
    )
    // The watermark is at 19: by hand, those of which no window ends after 20.
    expect(counters.get('lateRecords')).toBe(expected)
  })
})

describe('a process function', () => {
  it('is opened once, closed once, and made for each subtask', async () => {
    const calls: string[] = []
    class Told extends ProcessWindowFunction<number, number, string> {
      override open(): void {
        calls.push('open')
      }
      override process(values: readonly number[], { key, window }: WindowContext<number>): void {
        calls.push(`${key}: ${values.join(' ')} from ${window.start}`)
      }
      override close(): void {
        calls.push('close')
      }
    }
    const told = job('told', (flow) => {
      flow
        .from('items', fromArray([1, 2, 3, 14]), {
          watermarks: monotonousTimestamps({ timestampOf: (i: number) => i }),
        })
        .keyBy('key', (i) => i % 2)
        .window(tumblingWindows(10))
        .process('windows', () => new Told())
        .to('out', print())
    })
    await runJobHere(told, { parallelism: 1 })
    expect(calls[0]).toBe('open')
    expect(calls.slice(1, -1).sort()).toEqual(['0: 14 from 10', '0: 2 from 0', '1: 1 3 from 0'])
    expect(calls.at(-1)).toBe('close')
  })
})

it('the last record of a window of a reduction is what the function made of it', () =>
  run(
    windows<number>((keyed) => keyed.window(tumblingWindows(10)).reduce('windows', (a, b) => a + b, row)),
    { input: [at(1, 5), at(2, 5)], expected: [[5, 0, 10, 10]] },
  ))

it('merging keeps the order in which records came', () =>
  run(
    windows<string>((keyed) =>
      keyed.window(slidingWindows(10, 5)).aggregate(
        'windows',
        last((value) => value),
        row,
      ),
    ),
    {
      input: [at(1, 'a'), at(7, 'a')],
      expected: [
        ['a', -5, 5, 'a'],
        ['a', 0, 10, 'a'],
        ['a', 5, 15, 'a'],
      ],
    },
  ))
