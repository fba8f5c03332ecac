// What scenarios of copies have in common.

import { setTimeout } from 'node:timers/promises'
import type { Audit } from './audit.ts'
import type { Running } from './processes.ts'
import type { Contender, Sites } from './sites.ts'

/** What scenarios work with. */
export interface Bench {
  /** 1 for a full run; records are multiplied by it. */
  readonly scale: number
  readonly rounds: number
  readonly against: 'mirrormaker' | undefined
  readonly outage: { readonly records: number; readonly perSecond: number }
  readonly say: (line: string) => void
}

/** One of those that are compared. */
export type MakeContender = (sites: Sites) => Contender | Promise<Contender>

/** The most that a process of ours may hold. */
export const MEMORY_MB = 300
/** Longer than the default interval of checkpoints. */
export const QUIET_MS = 13_000

export async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await setTimeout(20)
}

export async function endAll(processes: readonly Running[]): Promise<void> {
  await Promise.all(processes.map((one) => one.end()))
}

export const isExact = ({ lost, repeated, reordered, strange }: Audit): boolean =>
  lost + repeated + reordered + strange === 0

export const isSmall = (peakMb: readonly number[]): boolean => peakMb.every((one) => one <= MEMORY_MB)

export const megabytes = (peakMb: readonly number[]): string => `${peakMb.map((one) => Math.round(one)).join(' + ')} MB`

/** What a reader found wrong, or that it is exact. */
export function told(found: Audit): string {
  const { lost, repeated, reordered, strange } = found
  const faults = Object.entries({ lost, repeated, reordered, strange }).filter(([, count]) => count > 0)
  return faults.length === 0 ? 'exact' : faults.map(([what, count]) => `${count} ${what}`).join(', ')
}
