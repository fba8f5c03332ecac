// Kills the job kafka-places at each step of its sink, and at random moments, starts it again, and compares what readers of committed
// records see with what a calm run leaves.

import { basename } from 'node:path'
import { it } from 'vitest'
import { FAILPOINTS, type Failpoint } from '../../src/util/failpoint.ts'
import { describeBroker } from '../support/kafka-servers.ts'
import { crashTestReachingAll } from '../support/reaching-all.ts'
import { PLACES_JOB, Teller } from './kafka-storm.ts'

const full = process.env.MILLRACE_FULL === '1'

/** Those of the sink, and those around it; a few of them in npm test, where the sink's own tests fail at each of its steps. */
const STEPS: readonly Failpoint[] = full
  ? [
      ...(Object.keys(FAILPOINTS) as Failpoint[]).filter((name) => name.startsWith('kafka.')),
      'source.barrier.after',
      'sink.prepare.before',
      'sink.prepare.after',
      'manifest.rename.after',
      'commit.notify.before',
      'sink.commit.before',
      'sink.commit.middle',
      'sink.commit.after',
      'restore.commit.before',
    ]
  : ['kafka.txn.sent', 'kafka.commit.after']

describeBroker('a job killed at any step or moment', (broker) => {
  it('leaves what a calm run leaves', { timeout: 600_000 }, async () => {
    const from = await broker.topic('from', 3)
    await new Teller(broker, from, 3).tell(12_000)
    const settings = [`brokers=${broker.brokers}`, `from=${from}`, 'work=count', 'bounded=true']
    await crashTestReachingAll(STEPS, (slower) => ({
      job: PLACES_JOB,
      variants: [[...[...settings, `pause=${5 * slower}`].flatMap((pair) => ['--set', pair]), '--parallelism', '2']],
      passings: full ? [1, 3] : [2],
      randomKills: full ? 15 : 0,
      concurrency: 3,
      outcome: async (dataDir) => byKey((await broker.readEnded(basename(dataDir))).map(({ value }) => String(value))),
    }))
  })
})

/** A line for each key: its places in the order in which they came. */
function byKey(values: readonly string[]): string {
  const places = new Map<string, string[]>()
  for (const text of values) {
    const { key, n, place } = JSON.parse(text) as { key: string; n: number; place: number }
    places.set(key, [...(places.get(key) ?? []), `${n}/${place}`])
  }
  return [...places]
    .map(([key, found]) => `${key}: ${found.join(' ')}`)
    .sort()
    .join('\n')
}
