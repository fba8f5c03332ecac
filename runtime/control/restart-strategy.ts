// Restart strategies: whether a failed job is started again, and after how long. Pure: time and chance are passed in.

import type { RestartOptions } from '../../src/graph/job.ts'
import type { Rng } from '../../src/util/rng.ts'

/**
 * What is done where nothing was configured: growing pauses, ten times in a row. (A strategy that is configured without
 * `attempts` has no limit; a default without one would hide a plain bug behind restarts for ever.)
 */
export const DEFAULT_RESTART: RestartOptions = { strategy: 'exponential-delay', attempts: 10 }

/** What a strategy remembers. Times in monotonic ms. */
export interface RestartHistory {
  /** Failures in a row, as the strategy counts them. */
  readonly failures: number
  /** Of the failures that a rate counts. */
  readonly failedAt: readonly number[]
}

export const NO_FAILURES: RestartHistory = { failures: 0, failedAt: [] }

export interface RestartVerdict {
  readonly history: RestartHistory
  /** Undefined: not again. */
  readonly delayMs: number | undefined
}

/** One failure: of an attempt that ran for `ranMs`, at `now`. */
export function afterFailure(
  options: RestartOptions,
  history: RestartHistory,
  failure: { readonly now: number; readonly ranMs: number },
  rng: Rng,
): RestartVerdict {
  switch (options.strategy) {
    case 'none':
      return { history: counted(history), delayMs: undefined }
    case 'fixed-delay': {
      const next = counted(history)
      return { history: next, delayMs: next.failures > options.attempts ? undefined : options.delayMs }
    }
    case 'exponential-delay':
      return exponential(options, history, failure.ranMs, rng)
    case 'failure-rate': {
      const failedAt = [...history.failedAt, failure.now].filter((at) => at > failure.now - options.intervalMs)
      const next = { failures: history.failures + 1, failedAt }
      return { history: next, delayMs: failedAt.length > options.failures ? undefined : options.delayMs }
    }
  }
}

function exponential(
  options: Extract<RestartOptions, { strategy: 'exponential-delay' }>,
  history: RestartHistory,
  ranMs: number,
  rng: Rng,
): RestartVerdict {
  const next = counted(ranMs >= (options.resetAfterMs ?? 3_600_000) ? NO_FAILURES : history)
  if (next.failures > (options.attempts ?? Number.POSITIVE_INFINITY)) return { history: next, delayMs: undefined }
  const grown = (options.initialDelayMs ?? 1_000) * (options.multiplier ?? 2) ** (next.failures - 1)
  const delayMs = Math.min(grown, options.maxDelayMs ?? 60_000)
  const jitter = (rng.next() * 2 - 1) * (options.jitter ?? 0.1)
  return { history: next, delayMs: Math.max(0, Math.round(delayMs * (1 + jitter))) }
}

function counted(history: RestartHistory): RestartHistory {
  return { failures: history.failures + 1, failedAt: [] }
}
