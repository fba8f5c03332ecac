// A moment told across processes: a job under test writes when something first happened, the benchmark that started it reads it.

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** `first-output`: the first record at the sink. `filled`: the first record of a key that had state before. */
export type MarkerName = 'first-output' | 'filled'

export interface Marker {
  /** Ms since the epoch. */
  readonly atMs: number
  /** Of the record that was there then. */
  readonly value: number
}

const pathOf = (folder: string, name: MarkerName): string => join(folder, name)

/** Now, to a fraction of a millisecond, in ms since the epoch: comparable between processes. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now()
}

/** Written in one go with a line end: a reader sees all of it or waits. */
export function writeMarker(folder: string, name: MarkerName, value: number): void {
  writeFileSync(pathOf(folder, name), `${JSON.stringify({ atMs: nowMs(), value } satisfies Marker)}\n`)
}

/** Forgets what an earlier process wrote. */
export function clearMarker(folder: string, name: MarkerName): void {
  rmSync(pathOf(folder, name), { force: true })
}

/** Waits for a marker. `giveUp` is called meanwhile and may throw. */
export async function readMarker(folder: string, name: MarkerName, giveUp: () => void): Promise<Marker> {
  for (;;) {
    const text = existsSync(pathOf(folder, name)) ? readFileSync(pathOf(folder, name), 'utf8') : ''
    if (text.endsWith('\n')) return JSON.parse(text) as Marker
    giveUp()
    await sleep(5)
  }
}
