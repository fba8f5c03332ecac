// A job whose input has ended waits for its targets: SIGTERM ends the wait at once, and the next start goes on with it.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { systemClock } from '../../src/util/clock.ts'
import { ModelReceiver } from '../src/connectors/relay/send/model-receiver.ts'
import { runJob, startBin } from '../support/run-job.ts'

const of = (k: number): number[] => Array.from({ length: 1000 }, (_, n) => 3 * n + k)
const JOB = fileURLToPath(new URL('./jobs/relay-draining.ts', import.meta.url))

it('SIGTERM ends a job that waits for its targets; started again it sends the rest and ends', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'relay-draining-'))
  const receiver = new ModelReceiver({ clock: systemClock })
  await receiver.listen()
  const port = receiver.address.split(':')[1]
  await receiver.crash()
  const args = [JOB, '--data-dir', folder, '--set', `port=${port}`]
  try {
    for (let start = 0; start < 2; start += 1) {
      const waiting = startBin('run-job', args)
      await waiting.seen('what targets do not have is still sent')
      waiting.signal('SIGTERM')
      expect(await waiting.result).toMatchObject({ code: 0, signal: null })
    }
    await receiver.listen()
    expect(await runJob(args)).toMatchObject({ code: 0 })
    expect(receiver.read()).toEqual({ s0: of(0), s1: of(1), s2: of(2) })
    expect(receiver.faults).toEqual([])
  } finally {
    await receiver.close()
    await rm(folder, { recursive: true, force: true })
  }
})
