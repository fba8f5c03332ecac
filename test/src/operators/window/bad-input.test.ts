// Windows of input that makes no sense, or that is only unusual: refused with the node named, or right.

import { describe, expect, it } from 'vitest'
import { at, watermark } from '../../../../runtime/testing/index.ts'
import { print } from '../../../../src/connectors/print/index.ts'
import {
  continuousEventTimeTrigger,
  count,
  countTrigger,
  cumulativeWindows,
  fromArray,
  globalWindows,
  isMillraceError,
  type Job,
  job,
  type Key,
  type KeyedStream,
  ProcessWindowFunction,
  sessionWindows,
  sideOutput,
  slidingWindows,
  tumblingWindows,
} from '../../../../src/index.ts'
import { row, run, windows } from './window-job.ts'

describe('bad input', () => {
  const refused = (add: (keyed: KeyedStream<string, string>) => unknown): unknown => {
    try {
      windows<string>((keyed) => {
        add(keyed)
        return keyed.reduce('sum', (a) => a)
      }).build({ settings: {}, dataDir: '', mode: 'stream' })
    } catch (error) {
      return isMillraceError(error) ? error.message : error
    }
    return 'nothing was refused'
  }

  it.each([
    ['sizeMs of tumblingWindows()', tumblingWindows(0)],
    ['slideMs of slidingWindows()', slidingWindows(10, Number.NaN)],
    ['offsetMs of tumblingWindows()', tumblingWindows(10, { offsetMs: 0.5 })],
    ['maxSizeMs of cumulativeWindows()', cumulativeWindows(10, 3)],
    ['gapMs of sessionWindows()', sessionWindows<string>(-1)],
    ['globalWindows()', globalWindows()],
  ])('names the node and the option: %s', (option, assigner) => {
    const message = refused((keyed) => keyed.window(assigner).aggregate('windows', count()))
    expect(message).toContain(`Option ${option}`)
    expect(message).toContain('node "windows"')
  })

  it('refuses what does not go together', () => {
    const messages = [
      refused((keyed) => keyed.countWindow(0).aggregate('windows', count())),
      refused((keyed) => keyed.countWindow(2).emitEvery(5).aggregate('windows', count())),
      refused((keyed) => keyed.countWindow(2).lateRecords(sideOutput('late')).aggregate('windows', count())),
      refused((keyed) => keyed.window(tumblingWindows(5)).allowedLateness(-1).aggregate('windows', count())),
      refused((keyed) =>
        keyed.window(tumblingWindows(5)).emitEvery(1).trigger(countTrigger(1)).aggregate('w', count()),
      ),
      refused((keyed) =>
        keyed
          .window(sessionWindows(5))
          .trigger({ onElement: () => 'FIRE' })
          .aggregate('w', count()),
      ),
    ]
    expect(messages).toMatchInlineSnapshot(`
      [
        "Option size of countWindow() from node "windows": it is 0, expected a whole number, more than 0.",
        "Option countWindow() from node "windows": such windows give their results by number, without trigger() or emitEvery().",
        "Option allowedLateness() or lateRecords() from node "windows": nothing is late in windows of the clock, of a count, or without an end.",
        "Option allowedLateness() from node "windows": it is -1, expected a whole number of milliseconds, more than 0.",
        "Option emitEvery() from node "w": the trigger says when there are results.",
        "Option trigger() from node "w": sessions merge, and the trigger has no onMerge().",
      ]
    `)
  })

  it('refuses triggers that can never be right', () => {
    expect(() => countTrigger(0)).toThrow('Option count from countTrigger()')
    expect(() => continuousEventTimeTrigger(0)).toThrow('Option intervalMs from continuousEventTimeTrigger()')
  })

  const failing = async (node: Job, input: readonly unknown[] = [at(1, 'a'), watermark(50)]): Promise<string> => {
    const failed = run(node, { input, expected: [], ways: ['in bulk'] })
    return failed.then(
      () => 'nothing was thrown',
      (error: Error) => error.message,
    )
  }

  it('records without event time', async () => {
    const message = await failing(
      windows<string>((keyed) => keyed.window(tumblingWindows(10)).aggregate('windows', count())),
      ['a'],
    )
    expect(message).toContain(
      'Node "windows" threw on \'a\': it has no event time: give its source a watermark strategy',
    )
  })

  it('a function that throws is named with its key and its window', async () => {
    class Broken extends ProcessWindowFunction<string, string, string> {
      override process(): void {
        throw new Error('no')
      }
    }
    const message = await failing(
      windows<string>((keyed) => keyed.window(tumblingWindows(10)).process('windows', () => new Broken())),
    )
    const window = 'the window from 1970-01-01T00:00:00.000Z to 1970-01-01T00:00:00.010Z of key a'
    expect(message).toContain(`Node "windows" threw on ${window}: no`)
  })

  it('a function that answers with a promise', async () => {
    const never = new Promise<string>(() => undefined)
    const asynchronous = [
      windows<string>((keyed) =>
        keyed.window(tumblingWindows(10)).process('windows', (_values, _context, _out) => never as never),
      ),
      windows<string>((keyed) => keyed.window(tumblingWindows(10)).aggregate('windows', count(), () => never)),
      windows<string>((keyed) => keyed.window(sessionWindows(10)).reduce('windows', () => never as never)),
    ]
    for (const one of asynchronous) {
      const message = await failing(one, [at(1, 'a'), at(2, 'a'), watermark(50)])
      expect(message).toContain('Node "windows" threw on')
      expect(message).toContain('it returned a promise')
    }
  })

  it('a gap that is none', async () => {
    const message = await failing(
      windows<string>((keyed) => keyed.window(sessionWindows(() => Number.NaN)).aggregate('windows', count())),
    )
    expect(message).toContain('gapMs of sessionWindows(), as its function returned it')
  })

  it('a million records from one window', () =>
    run(
      windows<string>((keyed) =>
        keyed.window(tumblingWindows(10)).process<number>('windows', (_values, _context, out) => {
          for (let i = 0; i < 1_000_000; i += 1) out.emit(i)
        }),
      ),
      { input: [at(1, 'a')], expected: Array.from({ length: 1_000_000 }, (_, i) => i), ways: ['in bulk'] },
    ))

  it('times years apart, before 1970 and far beyond 2100, in windows of a millisecond', () => {
    const times = [-8.64e15, -62_135_596_800_000, -1, 0, 1_436_918_400_000, 9_999_999_999_999, 8.64e15]
    return run(
      windows<string>((keyed) => keyed.window(slidingWindows(2, 1)).aggregate('windows', count(), row)),
      {
        input: times.map((time) => at(time, 'a')),
        expected: [
          -8.64e15 - 1,
          -8.64e15,
          -62_135_596_800_001,
          -62_135_596_800_000,
          -2,
          -1,
          0,
          1_436_918_399_999,
          1_436_918_400_000,
          9_999_999_999_998,
          9_999_999_999_999,
          8.64e15 - 1,
          8.64e15,
        ].map((start) => at(start + 1, ['a', start, start + 2, start === -1 ? 2 : 1])),
      },
    )
  })

  it('keys and values of all kinds', () => {
    const keys: Key[] = [0, -0, 1.5, '', 'a', 7n, true, ['a', 1], ['a', 1]]
    return run(
      windows<Key>((keyed) =>
        keyed.window(tumblingWindows(10)).process<unknown>('windows', (values, _context, out) => {
          out.emit(values.length)
        }),
      ),
      { input: keys.map((key) => at(1, key)), expected: [2, 1, 1, 1, 1, 1, 2], anyOrder: true },
    )
  })

  it('values that are null or NaN', () =>
    run(
      job('windows', (flow) => {
        flow
          .from('items', fromArray<number | null>([]))
          .keyBy('key', () => 1)
          .window(tumblingWindows(10))
          .process<readonly (number | null)[]>('windows', (values, _context, out) => out.emit(values))
          .to('out', print())
      }),
      { input: [at(1, null), at(2, Number.NaN)], expected: [[null, Number.NaN]] },
    ))

  it('records that their author changes after emitting them', () =>
    run(
      windows<string>((keyed) =>
        keyed.window(cumulativeWindows(20, 10)).aggregate(
          'windows',
          {
            create: (): string[] => [],
            add(value: string, list) {
              list.push(value)
              return list
            },
            result: (list) => list,
            merge(a, b) {
              a.push(...b)
              return a
            },
          },
          (_key, _window, list) => list,
        ),
      ),
      { input: [at(1, 'a'), watermark(9), at(12, 'a'), watermark(19)], expected: [['a'], ['a', 'a']] },
    ))
})
