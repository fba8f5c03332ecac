// One reading in a process of its own: ours, or the bare driver.

import { runForked } from '../fresh-process.ts'

/** Plain data: it goes across processes. */
export interface Reading {
  readonly reader: 'millrace' | 'zongji'
  readonly url: string
  /** `database.table`. */
  readonly table: string
  /** A place in the log to begin at; `snapshot` reads the table alone, `initial` the table and then the log. */
  readonly startup: { readonly offset: string } | 'snapshot' | 'initial'
  /** The reading ends when so many rows came. */
  readonly rows: number
}

/** What it took, from the first row to the last. */
export interface ReadingResult {
  readonly rows: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly memoryMb: number
}

const MAIN = new URL('./reader-main.ts', import.meta.url)

/** Rejects with the process's output if it fails. */
export function read(reading: Reading): Promise<ReadingResult> {
  return runForked<ReadingResult>(MAIN, [JSON.stringify(reading)], `${reading.reader} of ${reading.table}`)
}
