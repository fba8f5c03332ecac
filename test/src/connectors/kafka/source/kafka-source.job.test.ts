// Whole jobs: what the machine makes of the source.

import { firstValueFrom } from 'rxjs'
import { filter } from 'rxjs/operators'
import { expect, it } from 'vitest'
import { run } from '../../../../../runtime/index.ts'
import { testJob } from '../../../../../runtime/testing/index.ts'
import { inTemporaryFolder } from '../../../../../runtime/testing/temporary-folder.ts'
import { collect } from '../../../../../src/connectors/collect/index.ts'
import { json, kafkaSource, text } from '../../../../../src/connectors/kafka/index.ts'
import { count, job, monotonousTimestamps, tumblingWindows } from '../../../../../src/index.ts'
import { describeBroker } from '../../../../support/kafka-servers.ts'

/** A whole number of windows, in the past of retention. */
const T = Math.floor((Date.now() - 3_600_000) / 1_000) * 1_000

describeBroker('kafkaSource in a job', (broker) => {
  it('counts windows of the records’ own times, the same through any fault and at any parallelism', async () => {
    const topics = await broker.topic('job', 3)
    const messages = Array.from({ length: 60 }, (_, n) => ({
      partition: n % 3,
      value: JSON.stringify({ key: `k${n % 2}` }),
      timestamp: String(T + n * 100),
    }))
    await broker.produce(topics, messages)
    const expected = Array.from({ length: 6 }, () => [5, 5]).flat()
    const source = () =>
      kafkaSource<{ key: string }>({
        brokers: broker.brokers,
        topics,
        format: json(),
        bounded: 'latest',
        groupId: topics,
      })
    await testJob<number>(
      (out) =>
        job('windows', (flow) => {
          flow
            .from('events', source(), { watermarks: monotonousTimestamps() })
            .keyBy('key', ({ key }) => key)
            .window(tumblingWindows(1_000))
            .aggregate('count', count())
            .to('out', collect(out))
        }),
      {
        expected,
        parallelism: [1, 2, 3],
        faults: [
          { node: 'events', record: 25 },
          { node: 'count', record: 7 },
          { failpoint: 'source.barrier.after', passing: 2 },
          { failpoint: 'manifest.rename.after' },
        ],
      },
    )
  })

  it('asks for the checkpoint that a start at the end waits for', async () => {
    const topics = await broker.topic('job')
    await broker.produce(topics, [{ value: 'before' }])
    const out: string[] = []
    const bounded = { offsets: { [topics]: { 0: 2 } } }
    const latest = job('latest', (flow) => {
      flow
        .from(
          'events',
          kafkaSource<string>({ brokers: broker.brokers, topics, format: text(), startup: 'latest', bounded }),
        )
        .to('out', collect(out))
    })
    await inTemporaryFolder(async (dataDir) => {
      const running = run(latest, { dataDir, inProcess: true, checkpoint: { intervalMs: 600_000 } })
      await firstValueFrom(running.events$.pipe(filter((event) => event.type === 'checkpoint')))
      await broker.produce(topics, [{ value: 'behind' }])
      await running.result
      expect(out).toEqual(['behind'])
    })
  })
})
