import { checkDuration, type SessionWindows } from '../../time/window.ts'

/** The gap behind a record. Throws CONFIG_INVALID for one that is no duration. */
export function sessionGap(node: string, { gapMs }: SessionWindows<never>, record: unknown): number {
  if (typeof gapMs === 'number') return gapMs
  const gap = (gapMs as (record: unknown) => number)(record)
  checkDuration(node, 'gapMs of sessionWindows(), as its function returned it', gap)
  return gap
}
