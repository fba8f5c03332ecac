import { describe, expect, it } from 'vitest'
import { afterFailure, DEFAULT_RESTART, NO_FAILURES } from '../../../runtime/control/restart-strategy.ts'
import type { RestartOptions } from '../../../src/graph/job.ts'
import { seededRng } from '../../../src/util/rng.ts'

/** The delays after failures at these times, each of an attempt that ran for so long. */
function delays(
  options: RestartOptions,
  failures: readonly (readonly [now: number, ranMs: number])[],
  jitterless = true,
): (number | undefined)[] {
  let history = NO_FAILURES
  const rng = jitterless ? { next: () => 0.5, int: () => 0 } : seededRng(1)
  return failures.map(([now, ranMs]) => {
    const verdict = afterFailure(options, history, { now, ranMs }, rng)
    history = verdict.history
    return verdict.delayMs
  })
}

const often = (count: number, ranMs = 0): (readonly [number, number])[] =>
  Array.from({ length: count }, (_, i) => [i, ranMs])

describe('restart strategies', () => {
  it('none never restarts', () => {
    expect(delays({ strategy: 'none' }, often(2))).toEqual([undefined, undefined])
  })

  it('fixed-delay restarts so many times', () => {
    expect(delays({ strategy: 'fixed-delay', attempts: 2, delayMs: 7 }, often(4))).toEqual([7, 7, undefined, undefined])
  })

  it('exponential-delay grows to its limit', () => {
    expect(delays({ strategy: 'exponential-delay', initialDelayMs: 10, maxDelayMs: 50 }, often(5))).toEqual([
      10, 20, 40, 50, 50,
    ])
    expect(delays({ strategy: 'exponential-delay', initialDelayMs: 10, multiplier: 3, attempts: 2 }, often(3))).toEqual(
      [10, 30, undefined],
    )
  })

  it('exponential-delay forgets failures after a long run', () => {
    const options: RestartOptions = {
      strategy: 'exponential-delay',
      initialDelayMs: 10,
      resetAfterMs: 100,
      attempts: 2,
    }
    expect(
      delays(options, [
        [0, 0],
        [1, 0],
        [2, 100],
        [3, 99],
        [4, 0],
      ]),
    ).toEqual([10, 20, 10, 20, undefined])
  })

  it('exponential-delay spreads by its jitter, and not further', () => {
    const options: RestartOptions = { strategy: 'exponential-delay', initialDelayMs: 1000, multiplier: 1, jitter: 0.2 }
    const all = delays(options, often(200), false).map((delay) => delay ?? -1)
    expect(Math.min(...all)).toBeGreaterThanOrEqual(800)
    expect(Math.max(...all)).toBeLessThanOrEqual(1200)
    expect(new Set(all).size).toBeGreaterThan(100)
  })

  it('failure-rate counts within its interval', () => {
    const options: RestartOptions = { strategy: 'failure-rate', failures: 2, intervalMs: 100, delayMs: 5 }
    expect(
      delays(options, [
        [0, 0],
        [50, 0],
        [99, 0],
      ]),
    ).toEqual([5, 5, undefined])
    expect(
      delays(options, [
        [0, 0],
        [50, 0],
        [120, 0],
        [140, 0],
      ]),
    ).toEqual([5, 5, 5, undefined])
  })

  it('the default gives up after ten in a row', () => {
    const all = delays(DEFAULT_RESTART, often(12))
    expect(all.indexOf(undefined)).toBe(10)
  })
})
