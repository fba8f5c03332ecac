// A moment told across processes: a job under test writes when it first did something, the benchmark that started it reads it.

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const pathOf = (folder: string): string => join(folder, 'first-output')

/** Ms since the epoch, now, written in one go: a reader sees all of it or nothing. */
export function writeMarker(folder: string): void {
  writeFileSync(pathOf(folder), `${performance.timeOrigin + performance.now()}\n`)
}

/** Forgets what an earlier process wrote. */
export function clearMarker(folder: string): void {
  rmSync(pathOf(folder), { force: true })
}

/** Waits for the marker and returns its moment. */
export async function readMarker(folder: string, giveUp: () => void): Promise<number> {
  for (;;) {
    try {
      const text = readFileSync(pathOf(folder), 'utf8')
      if (text.endsWith('\n')) return Number(text)
    } catch {
      giveUp()
    }
    await sleep(5)
  }
}
