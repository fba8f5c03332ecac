import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import type { FailureInfo, NodeMetrics } from '../../../runtime/worker/messages.ts'
import { spawnWorker } from '../../../runtime/worker/spawn-worker.ts'
import type { Operator, OperatorContext } from '../../../src/contract/operator.ts'
import { makeJob } from '../../../src/graph/job.ts'
import type { LogicalGraph } from '../../../src/graph/logical-graph.ts'
import { HostedJob, jobOf, restoreFrom } from './hosted-job.ts'
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

it('runs a job file in threads, with state by key across them', async () => {
  const file = fileURLToPath(new URL('./fixtures/range-job.ts', import.meta.url))
  const hosted = new HostedJob(
    jobOf(() => graphOf()),
    { parallelism: 3, workers: 2, start: () => spawnWorker() },
  )
  await hosted.deploy(file)
  hosted.broadcast({ type: 'start' })
  await hosted.drained()
  await hosted.checkpoint(1)
  await hosted.until(() => rowsOf(hosted, 'out') === 10_000)
  const last = latestMetrics(hosted)
  expect(last.filter(({ node }) => node === 'count').reduce((sum, { recordsIn }) => sum + recordsIn, 0)).toBe(10_000)
  expect(last.some(({ bytesOut }) => bytesOut > 0)).toBe(true)
  hosted.broadcast({ type: 'ping', n: 7 })
  expect(await hosted.next('pong')).toEqual({ type: 'pong', n: 7 })
  await hosted.cancel()
  await hosted.terminate()
})

function latestMetrics(hosted: HostedJob): readonly NodeMetrics[] {
  const latest = new Map<string, NodeMetrics>()
  for (const { nodes } of hosted.all('metrics'))
    for (const node of nodes) latest.set(`${node.node}#${node.subtask}`, node)
  return [...latest.values()]
}

function rowsOf(hosted: HostedJob, sink: string): number {
  return latestMetrics(hosted)
    .filter(({ node }) => node === sink)
    .reduce((sum, { counters }) => sum + (counters.rows ?? 0), 0)
}

function countingGraph(got: unknown[], options: { until: () => number; closed?: { count: number } }): LogicalGraph {
  return graphOf(
    sourceNode('numbers', () => new RangeSource([[0, 3000]], { batch: 100, upTo: options.until })),
    operatorNode('key', [edge('numbers')], () => keying((value) => value % 7)),
    operatorNode('count', [edge('key', 'hash')], () => new CountPerKey(), { keyed: true }),
    sinkNode('out', [edge('count')], () => new ArrayUpsertSink(got, options.closed)),
  )
}

it('goes on from a checkpoint with positions, assignments and state as of the barrier', async () => {
  const first: unknown[] = []
  const one = await new HostedJob(jobOf(() => countingGraph(first, { until: () => 1000 }))).start()
  await one.eventually(() => first.length === 1000)
  const snapshots = await one.checkpoint(1)
  await one.cancel()

  const second: [number, number][] = []
  const restore = restoreFrom(1, one.jobDir, snapshots)
  const options = { jobDir: one.jobDir, attempt: 1, restore }
  const two = await new HostedJob(
    jobOf(() => countingGraph(second, { until: () => 5000 })),
    options,
  ).start()
  await two.drained()
  await two.cancel()
  expect(first.length + second.length).toBe(3000)
  const last = new Map(second)
  for (let key = 0; key < 7; key += 1) expect(last.get(key)).toBe(Math.ceil((3000 - key) / 7))
})

it('goes on when a checkpoint is aborted, before or after the barrier came, and the next one holds', async () => {
  const got: unknown[] = []
  let limit = 500
  const hosted = await new HostedJob(
    jobOf(() => countingGraph(got, { until: () => limit })),
    { parallelism: 2 },
  ).start()
  await hosted.eventually(() => got.length === 500)
  await hosted.trigger(1)
  hosted.broadcast({ type: 'abort', checkpoint: 1 })
  hosted.broadcast({ type: 'snapshot-enumerators', checkpoint: 2 })
  hosted.broadcast({ type: 'abort', checkpoint: 2 })
  limit = 1000
  await hosted.eventually(() => got.length === 1000)
  const snapshots = await hosted.checkpoint(3)
  await hosted.cancel()

  const rest: [number, number][] = []
  const restore = restoreFrom(3, hosted.jobDir, snapshots)
  const again = await new HostedJob(
    jobOf(() => countingGraph(rest, { until: () => 9000 })),
    {
      parallelism: 2,
      jobDir: hosted.jobDir,
      attempt: 1,
      restore,
    },
  ).start()
  await again.drained()
  await again.cancel()
  expect(got.length + rest.length).toBe(3000)
  for (const [key, count] of new Map(rest)) expect(count).toBe(Math.ceil((3000 - key) / 7))
})

it('reads nothing after a final barrier, unless its checkpoint is aborted', async () => {
  const got: unknown[] = []
  let limit = 500
  const hosted = await new HostedJob(jobOf(() => countingGraph(got, { until: () => limit }))).start()
  await hosted.eventually(() => got.length === 500)
  await hosted.trigger(1, true)
  await hosted.acknowledged(1)
  limit = 1000
  await new Promise((resolve) => setTimeout(resolve, 30))
  expect(got).toHaveLength(500)
  hosted.broadcast({ type: 'abort', checkpoint: 1 })
  await hosted.eventually(() => got.length === 1000)
  await hosted.cancel()
})

it('declines a checkpoint whose files cannot be written, and goes on', async () => {
  const got: unknown[] = []
  let limit = 500
  const hosted = await new HostedJob(jobOf(() => countingGraph(got, { until: () => limit }))).start()
  await hosted.eventually(() => got.length === 500)
  hosted.broadcast({ type: 'snapshot-enumerators', checkpoint: 1 })
  await hosted.next('enumerators-snapshotted')
  const folder = join(hosted.jobDir, 'a-file')
  await writeFile(folder, 'no folder')
  hosted.broadcast({ type: 'trigger', checkpoint: 1, final: false, folder })
  const declined = await hosted.next('decline')
  expect(declined).toMatchObject({ checkpoint: 1, failure: { code: expect.any(String) } })
  hosted.broadcast({ type: 'abort', checkpoint: 1 })
  limit = 9000
  await hosted.drained()
  const snapshots = await hosted.checkpoint(2)
  expect(snapshots.flatMap(({ nodes }) => nodes.map(({ node }) => node)).sort()).toEqual(['count', 'numbers'])
  await hosted.cancel()
})

it('reports a failure once, with node, line and record, and closes everything on cancel', async () => {
  const closed = { count: 0 }
  const hosted = await new HostedJob(
    jobOf(() =>
      graphOf(
        sourceNode('numbers', () => new RangeSource([[0, 10]])),
        operatorNode('check', [edge('numbers')], () =>
          mapping((value) => {
            if (value === 7) throw new TypeError('seven, password=hunter2')
            return value
          }),
        ),
        sinkNode('out', [edge('check')], () => new ArrayUpsertSink([], closed)),
      ),
    ),
  ).start()
  await expect(hosted.drained()).rejects.toThrow('seven')
  const failure = hosted.all('failed')[0]?.failure as FailureInfo
  expect(failure).toMatchObject({ code: 'USER_FUNCTION', node: 'check', subtask: 0, domain: 'user' })
  expect(failure.at).toMatch(/worker-host\.test\.ts:\d+:\d+$/)
  expect(failure.message).not.toContain('hunter2')
  expect(failure.stack).not.toContain('hunter2')
  await hosted.cancel()
  expect(hosted.all('failed')).toHaveLength(1)
  expect(closed.count).toBe(1)
})

it('cancels what hangs: a process that never returns, a close that never does', async () => {
  const closed = { count: 0 }
  let entered = false
  const hanging: Operator = {
    process: () => {
      entered = true
      return new Promise(() => {})
    },
    close: () => {
      closed.count += 1
    },
  }
  const hosted = await new HostedJob(
    jobOf(() =>
      graphOf(
        sourceNode('numbers', () => new RangeSource([[0, 10]])),
        operatorNode('hang', [edge('numbers')], () => hanging),
        sinkNode('out', [edge('hang')], () => new ArrayUpsertSink([], closed)),
      ),
    ),
  ).start()
  await hosted.eventually(() => entered)
  await hosted.cancel()
  expect(closed.count).toBe(2)
})

it('refuses one function object in two subtasks', async () => {
  const shared = new ArrayUpsertSink([])
  const hosted = new HostedJob(
    jobOf(() =>
      graphOf(
        sourceNode('numbers', () => new RangeSource([])),
        sinkNode('out', [edge('numbers')], () => shared),
      ),
    ),
    { parallelism: 2 },
  )
  await expect(hosted.deploy()).rejects.toThrow(/one function object for several subtasks/)
})

it('runs hooks of the job and says when they are done', async () => {
  const calls: string[] = []
  const job = makeJob({
    name: 'hooked',
    options: {},
    build: () => ({
      graph: graphOf(),
      onStart: [() => void calls.push('start')],
      onFinished: [
        () => void calls.push('finish'),
        () => {
          throw new Error('no report')
        },
      ],
    }),
  })
  const hosted = new HostedJob(job)
  hosted.broadcast({ type: 'load', file: 'none', input: { settings: {}, dataDir: '', mode: 'stream' } })
  await hosted.next('loaded')
  hosted.broadcast({ type: 'hooks', which: 'start' })
  await hosted.next('hooks-done')
  hosted.broadcast({ type: 'hooks', which: 'finish' })
  await expect(hosted.next('hooks-done', 2)).rejects.toThrow('no report')
  expect(calls).toEqual(['start', 'finish'])
})

it('hands out results that come later when an operator asks to be called', async () => {
  const got: unknown[] = []
  const hosted = await new HostedJob(
    jobOf(() => {
      let context: OperatorContext | undefined
      let ready: unknown[] = []
      const later: Operator = {
        open: (given) => {
          context = given
        },
        process: (batch) => {
          setTimeout(() => {
            ready.push(...batch.values)
            context?.wake()
          }, 5)
        },
        drain: (out) => {
          for (const value of ready) out.emit(value, undefined)
          ready = []
        },
      }
      return graphOf(
        sourceNode('numbers', () => new RangeSource([[0, 50]], { batch: 10 })),
        operatorNode('later', [edge('numbers')], () => later),
        sinkNode('out', [edge('later')], () => new ArrayUpsertSink(got)),
      )
    }),
  ).start()
  await hosted.eventually(() => got.length === 50)
  await hosted.cancel()
})
