// Windows through crashes, at several parallelisms: no result twice, none missing.

import { describe, it } from 'vitest'
import { testJob } from '../../../../runtime/testing/index.ts'
import { collect } from '../../../../src/connectors/collect/index.ts'
import {
  count,
  fromArray,
  job,
  monotonousTimestamps,
  sessionWindows,
  slidingWindows,
  type TimeWindow,
  type WindowAssigner,
} from '../../../../src/index.ts'

/** Times of three keys; each key rests now and then. */
const TIMES = Array.from({ length: 240 }, (_, i) => i).filter((i) => Math.floor(i / 30) % 3 !== i % 3)

type Row = readonly [key: number, start: number, end: number, count: number]

function model(windowsOf: (times: readonly number[]) => TimeWindow[]): Row[] {
  return [0, 1, 2].flatMap((key) => {
    const times = TIMES.filter((time) => time % 3 === key)
    return windowsOf(times).map(({ start, end }): Row => {
      return [key, start, end, times.filter((time) => time >= start && time < end).length]
    })
  })
}

function sliding(times: readonly number[]): TimeWindow[] {
  const windows: TimeWindow[] = []
  for (let start = 1 - 21; start < 260; start += 7) {
    if (times.some((time) => time >= start && time < start + 20)) windows.push({ start, end: start + 20 })
  }
  return windows
}

function sessions(times: readonly number[]): TimeWindow[] {
  const windows: { start: number; end: number }[] = []
  for (const time of times) {
    const open = windows.at(-1)
    if (open !== undefined && time <= open.end) open.end = time + 5
    else windows.push({ start: time, end: time + 5 })
  }
  return windows
}

describe('windows that a crash interrupts', () => {
  it.each([
    ['sliding', slidingWindows(20, 7, { offsetMs: 1 }), sliding],
    ['session', sessionWindows<number>(5), sessions],
  ] as const)('%s', async (_kind, assigner: WindowAssigner<number>, windowsOf) => {
    await testJob<Row>(
      (out) =>
        job('windows', (flow) => {
          flow
            .from('times', fromArray(TIMES), {
              watermarks: monotonousTimestamps({ timestampOf: (time: number) => time }),
            })
            .keyBy('key', (time) => time % 3)
            .window(assigner)
            .aggregate('windows', count(), (key, { start, end }, n): Row => [key, start, end, n])
            .to('out', collect(out))
        }),
      {
        expected: model(windowsOf),
        parallelism: [1, 2, 3],
        recordsPerCheckpoint: 11,
        faults: [
          { node: 'windows', record: 2 },
          { node: 'windows', record: 40 },
          { node: 'out', record: 5 },
        ],
      },
    )
  })
})
