import { describe, it } from 'vitest'
import { at, testNode, watermark } from '../../../../runtime/testing/index.ts'
import { print } from '../../../../src/connectors/print/index.ts'
import {
  type AlignedWindows,
  count,
  fromArray,
  type Job,
  job,
  slidingWindows,
  type TimeWindow,
  tumblingWindows,
} from '../../../../src/index.ts'

const counts = (windows: AlignedWindows): Job =>
  job('counts', (flow) => {
    flow
      .from('numbers', fromArray<string>([]))
      .keyBy('key', (value) => value)
      .window(windows)
      .aggregate('windows', count(), (key: string, { start, end }: TimeWindow, n: number) => [key, start, end, n])
      .to('out', print())
  })

describe('sliced windows', () => {
  it('tumbling', () =>
    testNode(counts(tumblingWindows(10)), 'windows', {
      input: [at(1, 'a'), at(9, 'a'), at(12, 'a'), at(-3, 'b'), watermark(9), at(13, 'a'), at(9, 'a')],
      expected: [at(-1, ['b', -10, 0, 1]), at(9, ['a', 0, 10, 2]), at(19, ['a', 10, 20, 2])],
      anyOrder: true,
    }))
  it('sliding', () =>
    testNode(counts(slidingWindows(10, 4)), 'windows', {
      input: [at(1, 'a'), at(9, 'a'), watermark(6), at(3, 'a')],
      expected: [
        ['a', -8, 2, 1],
        ['a', -4, 6, 1],
        ['a', 0, 10, 3],
        ['a', 4, 14, 1],
        ['a', 8, 18, 1],
      ],
    }))
})
