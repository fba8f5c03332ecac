// Rates of growing counts over a sliding window. A value: adding a sample gives another one.

/** Samples of one count, oldest first, no older than the window. */
export interface RateWindow {
  readonly samples: readonly { readonly atMs: number; readonly count: number }[]
}

export const EMPTY_WINDOW: RateWindow = { samples: [] }

/** How far back a rate looks: long enough to be steady, short enough to show a change. */
export const RATE_WINDOW_MS = 5_000

/**
 * Adds a sample and forgets what is older than the window (one older sample stays, so that the window is spanned).
 * A count that fell began anew (the job restarted): so does the window.
 */
export function addSample(window: RateWindow, atMs: number, count: number): RateWindow {
  const last = window.samples.at(-1)
  if (last !== undefined && count < last.count) return { samples: [{ atMs, count }] }
  const kept = window.samples.filter(
    (_, index) => (window.samples[index + 1]?.atMs ?? Number.POSITIVE_INFINITY) > atMs - RATE_WINDOW_MS,
  )
  return { samples: [...kept, { atMs, count }] }
}

/** Per second over the window; 0 with fewer than two samples. */
export function ratePerSecond({ samples }: RateWindow): number {
  const first = samples[0]
  const last = samples.at(-1)
  if (first === undefined || last === undefined || last.atMs <= first.atMs) return 0
  return ((last.count - first.count) * 1000) / (last.atMs - first.atMs)
}

/** Ms until `done` reaches `total` at this rate; undefined if that cannot be told. */
export function etaMs(done: number, total: number | undefined, perSecond: number): number | undefined {
  if (total === undefined || done >= total) return total === undefined ? undefined : 0
  return perSecond > 0 ? ((total - done) / perSecond) * 1000 : undefined
}
