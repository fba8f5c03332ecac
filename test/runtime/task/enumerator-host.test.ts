// EnumeratorHost: the order of calls that the contract promises an enumerator.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SourceFunction, type SourceReader, type SourceSplit, type SplitEnumerator } from 'millrace'
import { expect, it } from 'vitest'
import { EnumeratorHost } from '../../../runtime/task/enumerator-host.ts'
import { NodeMeter } from '../../../runtime/task/node-meter.ts'
import { ManualClock } from '../../../runtime/testing/index.ts'
import { testEnvironment } from '../../../runtime/testing/test-environment.ts'

class Recording extends SourceFunction<number> {
  readonly boundedness = 'bounded'
  readonly calls: string[] = []

  override createEnumerator(): SplitEnumerator {
    const { calls } = this
    return {
      start: async () => {
        calls.push('start begins')
        await Promise.resolve()
        calls.push('start ends')
      },
      onSplitRequest: (subtask) => void calls.push(`request of ${subtask}`),
      onReaderEvent: (subtask) => void calls.push(`event of ${subtask}`),
      snapshot: () => void calls.push('snapshot'),
    }
  }

  override createReader(): SourceReader<number, SourceSplit> {
    throw new Error('no reader is made here')
  }
}

it('I1, I4: start() is over before anything that readers sent meanwhile', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'enumerator-'))
  const source = new Recording()
  const environment = testEnvironment({ folder, clock: new ManualClock() })
  const failed = (error: unknown): never => {
    throw error
  }
  const host = await EnumeratorHost.open('source', source, new NodeMeter(), { environment, failed })
  host.receive({ node: 'source', to: 'enumerator', from: 1, body: { type: 'event', event: 'restored' } })
  host.receive({ node: 'source', to: 'enumerator', from: 0, body: { type: 'request-split' } })
  host.start()
  await host.snapshot(1)
  expect(source.calls).toEqual(['start begins', 'start ends', 'event of 1', 'request of 0', 'snapshot'])
  await host.close()
  await rm(folder, { recursive: true })
})
