import { expect } from 'vitest'
import { type CrashTestOptions, crashTest } from '../../runtime/testing/crash-test.ts'
import type { Failpoint } from '../../src/util/failpoint.ts'

/** How often a job is made slower by half: on a machine that is this slow, nothing is tested. */
const TRIES = 6

/**
 * A crashTest that has no failures and kills at every step. On a busy machine a job may have ended before it came to a step of its second
 * checkpoint: those steps are tried once more with a job that takes twice as long. `slower`: 1, 2, 4 ….
 */
export async function crashTestReachingAll(
  steps: readonly Failpoint[],
  options: (slower: number) => Omit<CrashTestOptions, 'failpoints'>,
): Promise<void> {
  let missed = steps
  for (let tries = 0; missed.length > 0 && tries < TRIES; tries += 1) {
    const again = tries === 0 ? {} : { randomKills: 0 }
    const { failures, reached } = await crashTest({ ...options(2 ** tries), ...again, failpoints: missed })
    expect(failures).toEqual([])
    missed = missed.filter((step) => !reached.includes(step))
  }
  expect(missed).toEqual([])
}
