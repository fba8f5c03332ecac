// Looking at what jobs left. Hunts for: a data directory that also holds a job's own files.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { listJobs } from '../../../runtime/control/checkpoint-tools.ts'

it('finds no job in a file beside the jobs', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-jobs-'))
  try {
    await writeFile(join(dataDir, 'shop.db'), 'rows')
    expect(await listJobs(dataDir)).toEqual([])
  } finally {
    await rm(dataDir, { recursive: true })
  }
})
