import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addSample,
  EMPTY_WINDOW,
  etaMs,
  RATE_WINDOW_MS,
  type RateWindow,
  ratePerSecond,
} from '../../../runtime/metrics/rate-window.ts'

function windowOf(samples: readonly (readonly [atMs: number, count: number])[]): RateWindow {
  return samples.reduce((window, [atMs, count]) => addSample(window, atMs, count), EMPTY_WINDOW)
}

describe('rate', () => {
  it('is nothing without two samples', () => {
    expect(ratePerSecond(EMPTY_WINDOW)).toBe(0)
    expect(ratePerSecond(windowOf([[0, 10]]))).toBe(0)
    expect(
      ratePerSecond(
        windowOf([
          [5, 10],
          [5, 20],
        ]),
      ),
    ).toBe(0)
  })

  it('forgets what was before the window', () => {
    const slow = Array.from({ length: 10 }, (_, i) => [i * 1000, i] as const)
    const fast = Array.from({ length: 7 }, (_, i) => [(10 + i) * 1000, 10 + i * 100] as const)
    expect(ratePerSecond(windowOf([...slow, ...fast]))).toBe(100)
  })

  it('begins anew when the count falls, as it does when a job restarts', () => {
    expect(
      ratePerSecond(
        windowOf([
          [0, 1000],
          [1000, 2000],
          [2000, 0],
          [3000, 50],
        ]),
      ),
    ).toBe(50)
  })

  it('of a steady stream is its rate, however it is sampled, and few samples are kept', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 2, maxLength: 200 }),
        fc.nat(1000),
        (steps, rate) => {
          let at = 0
          let window = EMPTY_WINDOW
          for (const step of steps) {
            at += step
            window = addSample(window, at, at * rate)
          }
          expect(ratePerSecond(window)).toBeCloseTo(rate * 1000, 6)
          const [, second] = window.samples
          expect(second === undefined || at - second.atMs < RATE_WINDOW_MS).toBe(true)
        },
      ),
    )
  })
})

describe('time left', () => {
  it.each([
    [0, 100, 10, 10_000],
    [100, 100, 0, 0],
    [150, 100, 5, 0],
    [50, 100, 0, undefined],
    [50, undefined, 10, undefined],
  ])('%d of %s at %d/s', (done, total, rate, expected) => expect(etaMs(done, total, rate)).toBe(expected))
})
