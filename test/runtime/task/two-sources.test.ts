// Two sources in one job: the one whose enumerator is slow must not come between the other one's enumerator and reader.

import { setTimeout as sleep } from 'node:timers/promises'
import {
  type EnumeratorContext,
  job,
  type ReaderContext,
  SourceFunction,
  type SourceReader,
  type SourceSplit,
  type SplitEnumerator,
  UpsertSinkFunction,
} from 'millrace'
import { expect, it } from 'vitest'
import { runJobHere } from '../../../runtime/testing/index.ts'
import { batchOf } from '../../../src/record/batch.ts'

/** Gives splits of one record, one at a time; notes how many there are at each checkpoint. */
class Counting extends SourceFunction<number> {
  readonly boundedness = 'bounded'
  readonly given = new Map<number, number>()
  readonly held = new Map<number, number>()
  readonly #total: number
  readonly #giveMs: number

  constructor(total: number, giveMs: number) {
    super()
    this.#total = total
    this.#giveMs = giveMs
  }

  override createEnumerator({ assign, noMoreSplits }: EnumeratorContext<SourceSplit>): SplitEnumerator {
    let count = 0
    return {
      start: () => {},
      onSplitRequest: async (subtask) => {
        if (this.#giveMs > 0) await sleep(this.#giveMs)
        count += 1
        assign(subtask, [{ id: String(count) }])
        if (count === this.#total) noMoreSplits(subtask)
      },
      snapshot: (checkpoint) => void this.given.set(checkpoint, count),
    }
  }

  override createReader({ requestSplit }: ReaderContext): SourceReader<number, SourceSplit> {
    const splits: SourceSplit[] = []
    let [read, isLast, wake] = [0, false, (): void => {}]
    return {
      addSplits: (more) => {
        splits.push(...more)
        wake()
      },
      noMoreSplits: () => {
        isLast = true
        wake()
      },
      poll: async () => {
        if (read === splits.length) return isLast ? 'end' : 'idle'
        read += 1
        await sleep(1)
        requestSplit()
        return batchOf([read])
      },
      available: () =>
        new Promise((resolve) => {
          wake = resolve
          if (isLast || read < splits.length) resolve()
        }),
      snapshot: (checkpoint) => {
        this.held.set(checkpoint, splits.length)
        return splits
      },
    }
  }
}

class Nowhere extends UpsertSinkFunction<number> {
  write(): void {}
  flush(): void {}
}

it('a checkpoint has the same splits given as held, however long another enumerator takes for its part', async () => {
  const [eager, slow] = [new Counting(400, 0), new Counting(20, 30)]
  const both = job('both', (flow) => {
    flow.from('eager', eager).to('of-eager', new Nowhere())
    flow.from('slow', slow).to('of-slow', new Nowhere())
  })
  const { failure } = await runJobHere(both, { parallelism: 1, checkpoint: { intervalMs: 20 } })
  expect(failure).toBeUndefined()
  for (const { given, held } of [eager, slow]) {
    expect(held.size).toBeGreaterThan(3)
    expect([...held]).toEqual([...given].filter(([checkpoint]) => held.has(checkpoint)))
  }
})
