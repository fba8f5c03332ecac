// Kills the sending job of a relay at each step of its sink and around it, starts it again, and looks whether each record arrived once, in the
// order of its stream.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { systemClock } from '../../src/util/clock.ts'
import type { Failpoint } from '../../src/util/failpoint.ts'
import { ModelReceiver } from '../src/connectors/relay/send/model-receiver.ts'
import { runJob } from '../support/run-job.ts'

const full = process.env.MILLRACE_FULL === '1'
const JOB = fileURLToPath(new URL('./jobs/relay-draining.ts', import.meta.url))
/** For 200 checkpoints of a job that is to be killed. */
const RECORDS = 30_000
const PACE = ['--set', 'perSecond=6000', '--set', 'perCheckpoint=150']

/** With the passings that there are for certain; those of a restore are passed by the second run. */
const STEPS: readonly (readonly [step: Failpoint, passings: readonly number[], isRestore?: boolean])[] = [
  ['relay.prepare.middle', [1, 5]],
  ['relay.publish.before', [1]],
  ['relay.acked.after', [1, 2]],
  ['relay.truncate.after', [1, 4]],
  ['relay.cut.middle', [1, 3], true],
  ['relay.identity.after', [1]],
  ['relay.identity.after', [1], true],
  ['relay.cut.after', [1], true],
]
const AROUND: typeof STEPS = [
  ['sink.prepare.after', [4]],
  ['manifest.rename.before', [1]],
  ['manifest.rename.after', [4]],
  ['sink.commit.before', [1]],
  ['sink.commit.after', [4]],
  ['restore.done', [1], true],
]

const cases = (full ? [...STEPS, ...AROUND] : STEPS.slice(0, -2)).flatMap(([step, passings, isRestore = false]) =>
  (full ? passings : passings.slice(-1)).map((passing) => ({ step, passing, isRestore })),
)

it.each(cases)(
  'a sender killed at $step (passing $passing, restoring: $isRestore) goes on as if it had not been',
  async ({ step, passing, isRestore }) => {
    const folder = await mkdtemp(join(tmpdir(), 'relay-send-steps-'))
    const receiver = new ModelReceiver({ clock: systemClock })
    await receiver.listen()
    const settings = [`port=${receiver.address.split(':')[1]}`, `count=${RECORDS}`]
    const args = [JOB, '--data-dir', folder, ...settings.flatMap((pair) => ['--set', pair])]
    const killedAt = (name: Failpoint, nth: number) =>
      runJob([...args, ...PACE], { env: { MILLRACE_FAILPOINT: `${name}:kill@${nth}` } })
    try {
      if (isRestore) expect(await killedAt('sink.commit.after', 4)).toMatchObject({ signal: 'SIGKILL' })
      expect(await killedAt(step, passing)).toMatchObject({ signal: 'SIGKILL' })
      const { code, stderr } = await runJob(args)
      expect(code, stderr.slice(-4000)).toBe(0)
      const of = (k: number): number[] => Array.from({ length: RECORDS / 3 }, (_, n) => 3 * n + k)
      expect(receiver.read()).toEqual({ s0: of(0), s1: of(1), s2: of(2) })
      expect(receiver.faults).toEqual([])
    } finally {
      await receiver.close()
      await rm(folder, { recursive: true, force: true })
    }
  },
)
