import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import type { Job } from '../../../../src/graph/job.ts'
import { agentJob } from '../../../../src/relay/agent/agent-job.ts'

const dir = mkdtempSync(join(tmpdir(), 'millrace-agent-'))
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(dir, { recursive: true, force: true })
})

const nodesOf = (job: Job) =>
  job
    .build({ settings: {}, dataDir: dir, mode: 'stream' })
    .graph.nodes.map(({ name, parallelism }) => [name, parallelism])

it('is the job that the file describes, by its name and with its interval', async () => {
  const file = join(dir, 'receive.json')
  const from = { relay: { site: 'west' } }
  const to = { sqlite: { file: 'a.db' } }
  const handlers = [{ rename: { tables: { 'main.*': 'main.copy_*' } } }]
  writeFileSync(file, JSON.stringify({ name: 'copies', from, handlers, to, checkpoint: { intervalMs: 250 } }))
  vi.stubEnv('MILLRACE_RELAY_CONFIG', file)
  const job = await agentJob('receive')
  expect(job).toMatchObject({ name: 'copies', options: { checkpoint: { intervalMs: 250 } } })
  // A full queue lets checkpoints time out for as long as the other end is away.
  expect(job.options.restart).toEqual({ strategy: 'exponential-delay' })
  // Behind one subtask comes no more than one: an edge to several would share out the changes of a table.
  expect(nodesOf(job)).toEqual([
    ['relay', undefined],
    ['tables', 1],
    ['handlers', 1],
    ['to', 1],
  ])
  // Of the other end it is no file.
  await expect(agentJob('send')).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    details: { path: 'from', origin: file },
  })
})

it('says who names the file, where nobody did', async () => {
  vi.stubEnv('MILLRACE_RELAY_CONFIG', undefined)
  await expect(agentJob('send')).rejects.toThrow(
    'Option MILLRACE_RELAY_CONFIG from the environment: it is not set: millrace relay send --config FILE sets it.',
  )
})
