import { expect, it } from 'vitest'
import { HostedJob, jobOf } from './hosted-job.ts'
import {
  ArrayUpsertSink,
  CountPerKey,
  edge,
  graphOf,
  keying,
  mapping,
  operatorNode,
  RangeSource,
  sinkNode,
  sourceNode,
} from './test-nodes.ts'

it('runs a chain from source to sink and goes on taking checkpoints after the end', async () => {
  const got: unknown[] = []
  const hosted = await new HostedJob(
    jobOf(() =>
      graphOf(
        sourceNode(
          'numbers',
          () =>
            new RangeSource([
              [0, 5000],
              [5000, 7000],
            ]),
        ),
        operatorNode('double', [edge('numbers')], () => mapping((value) => value * 2)),
        sinkNode('out', [edge('double')], () => new ArrayUpsertSink(got)),
      ),
    ),
  ).start()
  await hosted.drained()
  expect(got).toEqual(Array.from({ length: 7000 }, (_, i) => i * 2))
  const [snapshot] = await hosted.checkpoint(1, true)
  expect(snapshot?.nodes.map(({ node }) => node)).toEqual(['numbers'])
  await hosted.cancel()
})

it('keeps state by key over several workers and subtasks', async () => {
  const got: [number, number][] = []
  const hosted = await new HostedJob(
    jobOf(() =>
      graphOf(
        sourceNode(
          'numbers',
          () =>
            new RangeSource([
              [0, 5000],
              [5000, 9000],
              [9000, 10_000],
            ]),
        ),
        operatorNode('key', [edge('numbers')], () => keying((value) => value % 100)),
        operatorNode('count', [edge('key', 'hash')], () => new CountPerKey(), { keyed: true }),
        sinkNode('out', [edge('count')], () => new ArrayUpsertSink(got)),
      ),
    ),
    { parallelism: 3, workers: 2 },
  ).start()
  await hosted.drained()
  await hosted.checkpoint(1)
  expect(got).toHaveLength(10_000)
  expect(new Map(got).size).toBe(100)
  expect(got.filter(([, count]) => count === 100)).toHaveLength(100)
  await hosted.cancel()
})
