// Back to an older checkpoint through run-job, with append, upsert and epoch sinks; killed on the way; and past a damaged one.
// Hunts for: rows of the abandoned future that stay, rows that are lost, a restart that leads elsewhere than was asked for.

import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ProcessResult, runJob, runMillrace, startBin } from '../support/run-job.ts'
import { outcomeOf } from './outcome.ts'

const JOB = fileURLToPath(new URL('./jobs/every-step.ts', import.meta.url))

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'going-back-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

/** Long enough that five checkpoints are complete before its end, also on a busy machine. */
const COUNT = 'count=9000'
const args = (...more: string[]): string[] => [
  JOB,
  '--data-dir',
  dir,
  '--checkpoint-retain',
  '50',
  '--set',
  COUNT,
  ...more,
]

/** What parts and the table hold; the ledger cannot take anything back, so there it is not compared. */
async function rewindable(): Promise<string[]> {
  const [parts = '', , latest = ''] = (await outcomeOf(dir)).split(/\n(?=ledger|latest)/)
  return [parts, latest]
}

/** Runs, slowly enough not to end before, until five checkpoints are complete, and stops; returns the ids that are retained. */
async function fiveCheckpoints(): Promise<number[]> {
  const bin = startBin('run-job', args('--set', 'rate=100'))
  await bin.seen('checkpoint=5 status=complete')
  bin.signal('SIGTERM')
  expect((await bin.result).code).toBe(0)
  const { stdout } = await runMillrace(['checkpoints', 'every-step', '--data-dir', dir, '--json'])
  return (JSON.parse(stdout) as { id: number }[]).map(({ id }) => id)
}

async function calmOutcome(): Promise<string[]> {
  const home = dir
  dir = mkdtempSync(join(tmpdir(), 'going-back-calm-'))
  try {
    expect((await runJob(args())).code).toBe(0)
    return await rewindable()
  } finally {
    rmSync(dir, { recursive: true, force: true })
    dir = home
  }
}

const restoredFrom = ({ stderr }: ProcessResult): string | undefined =>
  /event=restored checkpoint=(\d+)/.exec(stderr)?.[1]

describe('--from-checkpoint', () => {
  it('names the sink that would repeat and the flag; with it the others are rewound, also when killed on the way', async () => {
    const calm = await calmOutcome()
    const [, second = 0] = await fiveCheckpoints()
    const back = args('--from-checkpoint', String(second))
    const refused = await runJob(back)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('--allow-repeat ledger accepts that')
    const allowed = [...back, '--allow-repeat', 'ledger']
    // Twice before a newer checkpoint is complete: each time the way leads to where it was asked for.
    const killed = await runJob(allowed, { env: { MILLRACE_FAILPOINT: 'manifest.rename.before' } })
    expect([killed.signal, restoredFrom(killed)]).toEqual(['SIGKILL', String(second)])
    const again = await runJob(args(), { env: { MILLRACE_FAILPOINT: 'sink.prepare.after@2' } })
    expect([again.signal, restoredFrom(again)]).toEqual(['SIGKILL', String(second)])
    const last = await runJob(args())
    expect([last.code, restoredFrom(last)]).toEqual([0, String(second)])
    expect(await rewindable()).toEqual(calm)
  })
})

describe('a damaged checkpoint', () => {
  const flip = (file: string): void => {
    const bytes = readFileSync(file)
    const at = bytes.length >> 1
    bytes[at] = (bytes[at] ?? 0) ^ 1
    // A file of its own: the bytes are shared with other checkpoints by hard links.
    unlinkSync(file)
    writeFileSync(file, bytes)
  }
  const cut = (file: string): void => {
    const bytes = readFileSync(file)
    unlinkSync(file)
    writeFileSync(file, bytes)
    truncateSync(file, bytes.length >> 1)
  }

  it.each([
    ['a bit flipped in', flip],
    ['half cut off', cut],
    ['lost', unlinkSync],
  ] as const)('%s a state file: it is named, and following the advice ends as a calm run', async (_how, harm) => {
    const calm = await calmOutcome()
    const ids = await fiveCheckpoints()
    const latest = ids.at(-1) ?? 0
    const checkpoint = join(dir, 'every-step', 'checkpoints', String(latest))
    const state = readdirSync(checkpoint, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    const sst = state.find(({ name }) => name.endsWith('.sst')) ?? state.find(({ name }) => name.startsWith('MANIFEST'))
    const file = join(sst?.parentPath ?? '', sst?.name ?? '')
    harm(file)
    const refused = await runJob(args())
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain(file)
    const advised = /Checkpoint (\d+) is intact: --from-checkpoint \1/.exec(refused.stderr)?.[1]
    expect(Number(advised)).toBeLessThan(latest)
    const followed = await runJob(args('--from-checkpoint', String(advised), '--allow-repeat', 'ledger'))
    expect([followed.code, restoredFrom(followed)]).toEqual([0, advised])
    expect(await rewindable()).toEqual(calm)
  })

  it('its manifest too', async () => {
    const latest = (await fiveCheckpoints()).at(-1) ?? 0
    const file = join(dir, 'every-step', 'checkpoints', String(latest), 'manifest.json')
    flip(file)
    const refused = await runJob(args())
    expect(refused.stderr).toContain(file)
    expect(refused.stderr).toMatch(/Checkpoint \d+ is intact/)
  })
})
