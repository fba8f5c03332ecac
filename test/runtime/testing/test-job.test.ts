// testJob and runJobHere: jobs in this process, through faults.

import { defineSource, fromArray, type Job, job } from 'millrace'
import { collect } from 'millrace/connectors/collect'
import { describe, expect, it } from 'vitest'
import { runJobHere, testJob } from '../../../runtime/testing/index.ts'

const NUMBERS = Array.from({ length: 20 }, (_, i) => i)

function sums(out: string[]): Job {
  return job('sums', (flow) => {
    flow
      .from('numbers', fromArray(NUMBERS))
      .map('pair', (value) => ({ key: value % 3, value }))
      .keyBy('key', ({ key }) => key)
      .reduce('sum', (a, b) => ({ key: a.key, value: a.value + b.value }))
      .map('text', ({ key, value }) => `${key}: ${value}`)
      .to('out', collect(out))
  })
}

const EXPECTED = NUMBERS.map((last) => {
  const sum = NUMBERS.filter((value) => value <= last && value % 3 === last % 3).reduce((a, b) => a + b, 0)
  return `${last % 3}: ${sum}`
})

describe('testJob', () => {
  it('gives the same result without faults and with a throw in each node', () => testJob(sums, { expected: EXPECTED }))

  it('gives the same result with throws at steps of the machine', () =>
    testJob(sums, {
      expected: EXPECTED,
      faults: [
        { failpoint: 'state.write.before' },
        { failpoint: 'task.ack.before' },
        { failpoint: 'sink.commit.before' },
        { failpoint: 'sink.commit.after', passing: 2 },
        { node: 'numbers', record: 7 },
      ],
      parallelism: [1],
    }))

  it('finds a job that keeps its state in a variable', async () => {
    const leaky = (out: number[]): Job => {
      let count = 0
      return job('leaky', (flow) => {
        flow
          .from('numbers', fromArray(NUMBERS))
          .map('count', () => ++count)
          .to('out', collect(out))
      })
    }
    const test = testJob(leaky, { expected: NUMBERS.map((i) => i + 1), parallelism: [1] })
    await expect(test).rejects.toThrow(
      /^Job "leaky"\nwith node "(count|out)" throwing at record 2, parallelism 1: 20 records/,
    )
  })

  it('refuses a fault that never comes', async () => {
    const test = testJob(sums, { expected: EXPECTED, faults: [{ node: 'sum', record: 99 }], parallelism: [1] })
    await expect(test).rejects.toThrow('the fault never came: nothing was tested')
  })
})

describe('runJobHere', () => {
  it('tells how a run went', async () => {
    const out: string[] = []
    const result = await runJobHere(sums(out), { recordsPerCheckpoint: 2, fault: { node: 'sum', record: 11 } })
    expect(result).toMatchObject({ state: 'finished', attempts: 2, faultFired: true })
    expect(result.events.filter(({ type }) => type === 'restored')).toHaveLength(1)
    expect([...out].sort()).toEqual([...EXPECTED].sort())
  })

  it('tells why a job failed', async () => {
    const failing = job('failing', (flow) => {
      const source = defineSource<number, number>({
        start: 0,
        read: () => {
          throw new Error('nobody there')
        },
      })
      flow.from('numbers', source).to('out', collect<number>([]))
    })
    const result = await runJobHere(failing, { restart: { strategy: 'none' } })
    expect(result.state).toBe('failed')
    expect(result.failure?.message).toContain('nobody there')
  })
})
