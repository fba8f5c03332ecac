// Durations as a reader says them. Everything in Millrace that takes a time takes milliseconds; these make them.

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** `n` milliseconds, in milliseconds. */
export function milliseconds(n: number): number {
  return n
}

/** `n` seconds, in milliseconds. */
export function seconds(n: number): number {
  return n * SECOND_MS
}

/** `n` minutes, in milliseconds. */
export function minutes(n: number): number {
  return n * MINUTE_MS
}

/** `n` hours, in milliseconds. */
export function hours(n: number): number {
  return n * HOUR_MS
}

/** `n` days of 24 hours, in milliseconds. */
export function days(n: number): number {
  return n * 24 * HOUR_MS
}
