// The third walk: birth. How a file becomes running tasks.
//
//   job file → graph → plan → workers → tasks
//
// In a running job the job manager (runtime/control/job-manager.ts) takes these steps.

import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { planJob } from '../../runtime/plan/planner.ts'
import { describeGraph } from '../../runtime/worker/describe-graph.ts'
import { job } from '../../src/api/job.ts'
import { collect } from '../../src/connectors/collect/index.ts'
import { generate } from '../../src/connectors/generate/index.ts'
import { HostedJob } from '../runtime/worker/hosted-job.ts'

test('birth: from a job to its tasks', async () => {
  const counts: { parity: string; count: number }[] = []

  // 1. A job file exports a job. Importing it has run nothing: not even its build function was called.
  let built = 0
  const counting = job('counting', (flow) => {
    built += 1
    flow
      .from('numbers', () => generate({ count: 100, make: (i) => i }))
      .filter('small', (n) => n < 10)
      .keyBy('parity', (n) => (n % 2 === 0 ? 'even' : 'odd'))
      .aggregate('count', { create: () => 0, add: (_, sum) => sum + 1, result: (sum) => sum, merge: (a, b) => a + b })
      .map('row', (count) => ({ parity: 'any', count }))
      .to('rows', () => collect(counts))
  })
  expect(built).toBe(0)

  // 2. Built, it is a graph: a value that names its nodes and what each reads. Each call makes new functions, for every subtask
  //    needs its own.
  const { graph } = counting.build({ settings: {}, dataDir: '', mode: 'stream' })
  expect(graph.nodes.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
    'source numbers',
    'operator small',
    'operator parity',
    'operator count',
    'operator row',
    'sink rows',
  ])

  // 3. Functions cannot cross to another thread, so every worker imports the file itself; the main thread gets a description. From
  //    it the planner makes chains: nodes that need no exchange between them run fused, as one task.
  const plan = planJob(describeGraph(graph), { parallelism: 2, workers: 2 })
  expect(plan.tasks.map(({ name, workers }) => [name, workers])).toEqual([
    ['numbers -> small -> parity', [0, 1]],
    ['count -> row -> rows', [0, 1]],
  ])
  expect(plan.edges.map(({ fromNode, toNode, partitioner }) => [fromNode, toNode, partitioner])).toEqual([
    ['parity', 'count', 'hash'],
  ])

  // 4. Workers are started; each loads the job and says what it found. Then each builds, connects and opens its subtasks. Nothing
  //    runs before all have said 'deployed'.
  const hosted = await new HostedJob(counting, { parallelism: 2, workers: 2 }).deploy()
  expect(hosted.all('deployed')).toHaveLength(2)
  expect(counts).toEqual([])

  // 5. Started, tasks run until their input ends; the last checkpoint publishes what the sink has prepared.
  hosted.broadcast({ type: 'start' })
  await hosted.drained()
  await hosted.checkpoint(1, true)
  expect(counts.map(({ count }) => count).sort()).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5])
  await hosted.cancel()
  rmSync(hosted.jobDir, { recursive: true })
})
