// EnumeratorHost: the order of calls that the contract promises an enumerator.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type EnumeratorContext,
  SourceFunction,
  type SourceReader,
  type SourceSplit,
  type SplitEnumerator,
} from 'millrace'
import { expect, it } from 'vitest'
import { EnumeratorHost } from '../../../runtime/task/enumerator-host.ts'
import { NodeMeter } from '../../../runtime/task/node-meter.ts'
import { ManualClock } from '../../../runtime/testing/index.ts'
import { testEnvironment } from '../../../runtime/testing/test-environment.ts'

class Recording extends SourceFunction<number> {
  readonly boundedness = 'bounded'
  readonly calls: string[] = []

  override createEnumerator({ assign }: EnumeratorContext<SourceSplit>): SplitEnumerator {
    const { calls } = this
    return {
      start: async () => {
        calls.push('start begins')
        await Promise.resolve()
        calls.push('start ends')
      },
      onSplitRequest: (subtask) => {
        calls.push(`request of ${subtask}`)
        assign(subtask, [{ id: `split ${calls.length}` }])
      },
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

it('I2: what is assigned behind a snapshot waits until its barrier is on its way, or will not come', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'enumerator-'))
  const bare = testEnvironment({ folder, clock: new ManualClock() })
  let assigned = 0
  const enumerator = (): void => {
    assigned += 1
  }
  const listener = { ...bare.listener, enumerator }
  const failed = (error: unknown): never => {
    throw error
  }
  const options = { environment: { ...bare, listener }, failed }
  const host = await EnumeratorHost.open('source', new Recording(), new NodeMeter(), options)
  const request = (): void =>
    host.receive({ node: 'source', to: 'enumerator', from: 0, body: { type: 'request-split' } })
  host.start()
  request()
  await host.snapshot(1)
  expect(assigned).toBe(1)
  request()
  // Nothing of this checkpoint's readers is held any more: it comes before the next snapshot.
  const second = host.snapshot(2)
  request()
  await second
  expect(assigned).toBe(2)
  host.triggered(2)
  await host.snapshot(3)
  expect(assigned).toBe(3)
  request()
  host.triggered(4)
  await host.snapshot(4)
  expect(assigned).toBe(4)
  request()
  await host.snapshot(4)
  expect(assigned).toBe(5)
  await host.close()
  await rm(folder, { recursive: true })
})
