import { expect, it } from 'vitest'
import type { ReaderContext, SourceSplit } from '../../../src/contract/source-function.ts'
import { type SplitReader, SplitSource } from '../../../src/contract/split-source.ts'
import { systemClock } from '../../../src/util/clock.ts'

/** Always waits for its wake-up. */
class Waiting extends SplitSource<number, SourceSplit> {
  override readonly boundedness = 'bounded'

  protected override splits(): SourceSplit[] {
    return [{ id: 'only' }]
  }

  protected override createSplitReader(): SplitReader<number, SourceSplit> {
    return { read: () => ({ waitMs: Number.POSITIVE_INFINITY }) }
  }
}

it('asking twice for available() resolves neither promise: waiters that poll again must not wake each other for ever', async () => {
  const context = { clock: systemClock, requestSplit: () => {} } as unknown as ReaderContext
  const reader = new Waiting().createReader(context)
  let woken = 0
  const count = (): void => {
    woken += 1
  }
  expect(reader.poll(10)).toBe('idle')
  void reader.available().then(count)
  expect(reader.poll(10)).toBe('idle')
  void reader.available().then(count)
  await new Promise((resolve) => setImmediate(resolve))
  expect(woken).toBe(0)
  await reader.addSplits([{ id: 'only' }])
  await new Promise((resolve) => setImmediate(resolve))
  expect(woken).toBe(2)
})
