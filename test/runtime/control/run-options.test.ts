import { describe, expect, it } from 'vitest'
import { DEFAULT_RESTART } from '../../../runtime/control/restart-strategy.ts'
import {
  checkJobOptions,
  checkpointSettings,
  checkRunOptions,
  restartOptions,
  workersFor,
} from '../../../runtime/control/run-options.ts'
import type { RunOptions } from '../../../runtime/control/run-types.ts'

describe('run options', () => {
  it.each<[unknown, RegExp]>([
    [{ parallelism: 0 }, /Option parallelism from run\(\): it is 0; expected a whole number from 1 to 32768/],
    [{ parallelism: 1.5 }, /parallelism.*1\.5/],
    [{ parallelism: '2' }, /parallelism.*"2"/],
    [{ parallelism: Number.NaN }, /parallelism.*NaN/],
    [{ workers: -1 }, /workers.*-1/],
    [{ paralelism: 2 }, /paralelism.*no such option/],
    [JSON.parse('{"__proto__":1}'), /__proto__.*no such option/],
    [{ mode: 'fast' }, /mode.*"fast"; expected "stream" or "batch"/],
    [{ stateCacheBytes: -1 }, /stateCacheBytes.*-1/],
    [{ settings: { a: 1 } }, /settings.*\{"a":1\}/],
    [{ heartbeatMs: 0 }, /heartbeatMs/],
    [{ fromCheckpoint: 0 }, /fromCheckpoint.*0/],
    [{ fromCheckpoint: 1, fresh: true }, /fromCheckpoint.*together with fresh/],
    [{ fromCheckpoint: 1, fromSavepoint: '/x' }, /fromSavepoint.*together with fromCheckpoint/],
    [{ allowRepeat: 'a' }, /allowRepeat.*"a"; expected a list/],
    [{ checkpoint: { intervalMs: 0 } }, /checkpoint\.intervalMs.*0/],
    [{ checkpoint: { retain: 0 } }, /checkpoint\.retain.*0/],
    [{ checkpoint: { interval: 5 } }, /checkpoint\.interval from.*no such option/],
    [{ checkpoint: 5 }, /checkpoint.*5; expected an object/],
    [{ restart: { strategy: 'never' } }, /restart\.strategy.*"never"; expected one of none, fixed-delay/],
    [{ restart: { strategy: 'toString' } }, /restart\.strategy/],
    [{ restart: { strategy: 'fixed-delay', attempts: 1 } }, /restart\.delayMs.*needs it/],
    [{ restart: { strategy: 'exponential-delay', jitter: 2 } }, /restart\.jitter.*from 0 to 1/],
    [{ parallelism: 'x'.repeat(1_000_000) }, /parallelism/],
  ])('refuses %j', (options, message) => {
    expect(() => checkRunOptions(options as RunOptions)).toThrow(message)
  })

  it('takes what is right, and undefined for what is not given', () => {
    checkRunOptions({})
    checkRunOptions({
      parallelism: undefined as unknown as number,
      stateCacheBytes: Number.POSITIVE_INFINITY,
      fromCheckpoint: '/some/folder',
      checkpoint: { intervalMs: Number.POSITIVE_INFINITY, retain: 1, tolerableFailures: 3 },
      restart: { strategy: 'failure-rate', failures: 1, intervalMs: 10, delayMs: 0 },
    })
    expect(() => checkJobOptions({ checkpoint: { timeoutMs: -1 } })).toThrow(/checkpoint\.timeoutMs from the job/)
  })

  it('joins the job and the command, which wins', () => {
    const settings = checkpointSettings({ intervalMs: 5, retain: 7 }, { intervalMs: 6 })
    expect(settings).toMatchObject({ intervalMs: 6, retain: 7, timeoutMs: 600_000, tolerableFailures: 0 })
    expect(restartOptions({}, {})).toBe(DEFAULT_RESTART)
    expect(restartOptions({ restart: { strategy: 'none' } }, {})).toEqual({ strategy: 'none' })
  })

  it('never has more workers than subtasks', () => {
    expect(workersFor({ workers: 8 }, 3, false)).toBe(3)
    expect(workersFor({}, 1, false)).toBe(1)
    expect(workersFor({}, 9, true)).toBe(1)
    expect(workersFor({ workers: 2 }, 9, true)).toBe(2)
  })
})
