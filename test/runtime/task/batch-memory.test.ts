// A batch run with more keys than its heap could hold: in a process of its own, whose heap ends it if it grows.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { runJob } from '../../support/run-job.ts'

const JOB = fileURLToPath(new URL('../../../benchmarks/jobs/keyed-sum-job.ts', import.meta.url))
const root = mkdtempSync(join(tmpdir(), 'batch-memory-'))
afterAll(() => {
  rmSync(root, { recursive: true })
})

/** Of these the heap would need more than half a gigabyte. */
const RECORDS = 5_000_000
const HEAP_MIB = 96

test('5 M records of 5 M keys go through a heap that holds a tenth of them', async () => {
  const settings = [`records=${RECORDS}`, `keys=${RECORDS}`].flatMap((pair) => ['--set', pair])
  const memory = ['--state-cache', '16MiB', '--workers', '1']
  const { code, stderr, stdout } = await runJob(
    [JOB, '--batch', '--json', '--restart', 'none', '--data-dir', join(root, 'data'), ...settings, ...memory],
    { env: { NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB}` } },
  )
  expect(code, stderr).toBe(0)
  expect(`${stdout}${stderr}`).toContain(`"arrived":${RECORDS}`)
})
