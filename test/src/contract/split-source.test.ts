import { expect, it } from 'vitest'
import type { ReaderContext, SourceSplit } from '../../../src/contract/source-function.ts'
import { type SplitReader, SplitSource } from '../../../src/contract/split-source.ts'
import { batchOf } from '../../../src/record/batch.ts'
import { systemClock } from '../../../src/util/clock.ts'

/** Splits of numbers up to 2, one at a time. */
class Numbers extends SplitSource<string, SourceSplit & { readonly next: number }> {
  override readonly boundedness = 'bounded'

  protected override splits(): { id: string; next: number }[] {
    return []
  }

  protected override createSplitReader(): SplitReader<string, SourceSplit & { readonly next: number }> {
    return {
      read: (split) =>
        split.next > 2
          ? 'end'
          : { batch: batchOf([`${split.id}${split.next}`]), next: { ...split, next: split.next + 1 } },
    }
  }
}

it('tells which split a batch is of and which have ended, and leaves out those that are paused', async () => {
  const ended: string[] = []
  const splitFinished = (id: string): void => void ended.push(id)
  const context = { clock: systemClock, requestSplit: () => {}, splitFinished } as unknown as ReaderContext
  const reader = new Numbers().createReader(context)
  await reader.addSplits([
    { id: 'a', next: 1 },
    { id: 'b', next: 1 },
  ])
  const poll = async (): Promise<readonly unknown[]> => {
    const polled = await reader.poll(10)
    return typeof polled === 'string' ? [polled] : [...polled.values, reader.lastSplit]
  }
  expect(await poll()).toEqual(['b1', 'b'])
  reader.pauseSplits?.(new Set(['b']))
  expect([await poll(), await poll()]).toEqual([
    ['a1', 'a'],
    ['a2', 'a'],
  ])
  reader.pauseSplits?.(new Set(['a', 'b']))
  expect(await poll()).toEqual(['idle'])
  expect(reader.snapshot(1)).toEqual([
    { id: 'a', next: 3 },
    { id: 'b', next: 2 },
  ])
  const available = reader.available()
  reader.pauseSplits?.(new Set())
  await available
  expect(await poll()).toEqual(['b2', 'b'])
  expect(await poll()).toEqual(['idle'])
  expect(ended).toEqual(['a', 'b'])
})

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
