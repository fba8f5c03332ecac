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

const nodesOf = (job: Job): string[] =>
  job.build({ settings: {}, dataDir: dir, mode: 'stream' }).graph.nodes.map(({ name }) => name)

it('is the job that the file describes, by its name and with its interval', async () => {
  const file = join(dir, 'receive.json')
  const from = { relay: { site: 'west' } }
  const to = { sqlite: { file: 'a.db' } }
  const handlers = [{ rename: { tables: { 'main.*': 'main.copy_*' } } }]
  writeFileSync(file, JSON.stringify({ name: 'copies', from, handlers, to, checkpoint: { intervalMs: 250 } }))
  vi.stubEnv('MILLRACE_RELAY_CONFIG', file)
  const job = await agentJob('receive')
  expect(job).toMatchObject({ name: 'copies', options: { checkpoint: { intervalMs: 250 } } })
  expect(nodesOf(job)).toEqual(['relay', 'tables', 'handlers', 'to'])
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
