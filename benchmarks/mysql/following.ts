// Following a table while others write it.

import { runForked } from '../fresh-process.ts'
import type { Load } from './load.ts'

export interface Following {
  readonly url: string
  readonly table: string
  readonly startup: { readonly offset: string } | 'initial' | 'latest'
  /** Ends when so many rows came. */
  readonly rows: number
  /** Writes one more row when they have come, and ends when that has come too: `lastLateMs` is how late. */
  readonly marker: boolean
}

/** Lateness: from when a row was written, by the server's clock, to when the sink was given it. */
export interface FollowingResult {
  readonly rows: number
  readonly seconds: number
  readonly lastLateMs: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export function follow(following: Following): Promise<FollowingResult> {
  return runForked(new URL('./following-main.ts', import.meta.url), [JSON.stringify(following)], 'following')
}

/** Seconds it took. */
export async function writeLoad(url: string, load: Load): Promise<number> {
  const main = new URL('./load-main.ts', import.meta.url)
  return (await runForked<{ seconds: number }>(main, [JSON.stringify([url, load])], 'load')).seconds
}
