// Each job of the tour runs as its first lines say, and shows what it teaches.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { runJob } from '../support/run-job.ts'

const tour = fileURLToPath(new URL('../../jobs/tour/', import.meta.url))
const dataDir = mkdtempSync(join(tmpdir(), 'tour-'))
afterAll(() => {
  rmSync(dataDir, { recursive: true })
})

/** The lines that the job itself printed. */
async function shown(file: string, ...args: string[]): Promise<string[]> {
  const result = await runJob([join(tour, file), '--data-dir', dataDir, '--quiet', ...args])
  expect(result.code, result.stderr).toBe(0)
  return result.stdout.split('\n')
}

const TAUGHT: readonly (readonly [string, readonly (string | RegExp)[]])[] = [
  ['01-hello.ts', ['hello 1', 'hello 3', 'hello 5', 'hello 7', 'hello 9']],
  [
    '02-keyed-state.ts',
    [/^Cork: sale \d+ is the best so far, \d+ cents$/, /^turnover \{ shop: 'Aarhus', cents: \d+ \}$/],
  ],
  ['03-timers.ts', [/^visitor 1 has left after \d+ pages$/, /^visitor 3 has left after \d+ pages$/]],
  ['04-side-outputs.ts', [/^malformed: \{ line: 'out of paper'/, /^hot: sensor \d: \d+ °C$/, /^mean so far: \d+$/]],
  ['05-rx.ts', ['10 names, from "name of 0" to "name of 9"', '10 names, from "name of 90" to "name of 99"']],
  ['06-two-streams.ts', [/^order 8: ship \w+, \d+ cents are paid$/, /^order 0: /]],
  ['08-own-source-and-sink.ts', ['Ada wrote 8271 lines', 'Edsger wrote 8229 lines', 'Grace wrote 8250 lines']],
  [
    '10-event-time.ts',
    [
      'roof: a reading of 2019-07-01 00:01:39 came too late',
      'roof: 13 °C in the five minutes to 2019-07-01 00:20:00, of 59',
      'cellar: 13 °C in the five minutes to 2026-01-01 00:20:00, of 59',
    ],
  ],
  [
    '11-windows.ts',
    [
      '00:00-01:00 till A: 1020 cents',
      '00:00-01:00 till B: 560 cents',
      'busy: till A made 3 sales in two minutes up to 01:30',
      'till A worked from 00:05: 120 + 900 + 430',
    ],
  ],
  [
    '12-joins.ts',
    [
      'order 2 goes to Bo in Lund',
      'order 1 was paid at 10:00:40',
      'order 2 was not paid in a minute',
      'order 3: all in the five minutes from 10:05:00',
      'order 2 is worth 345.00 kroner',
      'order 3 is worth 71.00 kroner',
    ],
  ],
  [
    '13-async-and-broadcast.ts',
    [
      /^visitor 4: (hej|hello) \(Denmark\)$/,
      'visitor 5: hello (somewhere in SE)',
      /^visitor 18: (hej|hello) \(Denmark\)$/,
    ],
  ],
  [
    '14-changelogs.ts',
    [
      /^\{ kind: '-U', row: \{ rank: \d, port: '\w+', ships: \d+ \} \}$/,
      'in the end 1. is Cork, with 11 ships',
      'in the end 2. is Dakar, with 6 ships',
      'in the end 3. is Bergen, with 3 ships',
    ],
  ],
  ['15-batch.ts', [/^Aarhus turned over \d+ cents$/, /^Cork turned over \d+ cents$/]],
  ['09-files.ts', [/^malformed: .*line: 4.*1 field where the header has 2/]],
]

test.concurrent.each(TAUGHT)('%s', async (file, expected) => {
  const lines = await shown(file)
  for (const line of expected) {
    expect(lines).toContainEqual(typeof line === 'string' ? line : expect.stringMatching(line))
  }
})

test('07-parallelism.ts says the same at every parallelism', async () => {
  const results: string[][] = []
  for (const parallelism of ['1', '3']) {
    const lines = await shown('07-parallelism.ts', '--parallelism', parallelism, '--fresh')
    results.push(lines.filter((line) => line.startsWith('of n % 8')).sort())
  }
  expect(results[0]).toHaveLength(8)
  expect(results[1]).toEqual(results[0])
})

test('15-batch.ts says each result once in batch mode: what the stream says last', async () => {
  const streamed = await shown('15-batch.ts', '--fresh')
  const last = new Map(streamed.filter((line) => line !== '').map((line) => [line.split(' ')[0], line]))
  const batch = await shown('15-batch.ts', '--fresh', '--batch')
  expect(batch.filter((line) => line !== '').sort()).toEqual([...last.values()].sort())
  expect(last.size).toBe(3)
})

test('the files of the tour are numbered, each with a job of its own name, and all of them are tried here', () => {
  const files = readdirSync(tour)
  expect(files).toEqual([...TAUGHT.map(([file]) => file), '07-parallelism.ts'].sort())
  for (const file of files) expect(readFileSync(join(tour, file), 'utf8')).toContain(`job('tour-${file.slice(3, -3)}'`)
})
