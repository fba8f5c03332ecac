import { expect, it } from 'vitest'
import { SubtaskMetrics } from '../../../runtime/metrics/subtask-metrics.ts'

it('I1: the same name gives the same instrument', () => {
  const metrics = new SubtaskMetrics()
  metrics.counter('bad').add()
  metrics.counter('bad').add(4)
  metrics.gauge('queue').set(3)
  metrics.gauge('queue').set(2)
  expect(metrics.counters()).toEqual({ bad: 5 })
  expect(metrics.gauges()).toEqual({ queue: 2 })
})

it('I2: a counter never falls', () => {
  const metrics = new SubtaskMetrics()
  metrics.counter('bad').add(2)
  metrics.counter('bad').add(-5)
  metrics.counter('bad').add(Number.NaN)
  expect(metrics.counters()).toEqual({ bad: 2 })
})
