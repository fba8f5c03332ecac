// The conformance lists against connectors with one fault each: every fault is found by the case that is there for it.

import {
  type AppendPrepared,
  AppendSinkFunction,
  batchOf,
  EpochSinkFunction,
  fromArray,
  type ReaderContext,
  type SourceFunction,
  type SourceSplit,
  type SplitReader,
  SplitSource,
  UpsertSinkFunction,
} from 'millrace'
import { describe, expect, it } from 'vitest'
import { type Conformance, sinkConformance, sourceConformance } from '../../../runtime/testing/index.ts'

/** Names of the cases that fail. */
async function failing({ cases }: Conformance): Promise<string[]> {
  const names: string[] = []
  for (const { name, run } of cases) await run().catch(() => names.push(name.replace('planted: ', '')))
  return names
}

const NUMBERS = Array.from({ length: 9 }, (_, i) => i)

const sourceList = (create: () => SourceFunction<number>, parallel = true): Conformance =>
  sourceConformance({
    name: 'planted',
    prepare: () => ({ create, expected: NUMBERS }),
    supports: { end: 'itself', parallel },
    orderOf: (n) => ['all', n],
  })

interface NumberSplit extends SourceSplit {
  readonly next: number
}

/** Numbers in one split; `change` is where a fault goes. */
class Numbers extends SplitSource<number, NumberSplit> {
  readonly boundedness = 'bounded'
  readonly #change: (reader: SplitReader<number, NumberSplit>) => SplitReader<number, NumberSplit>

  constructor(change: (reader: SplitReader<number, NumberSplit>) => SplitReader<number, NumberSplit>) {
    super()
    this.#change = change
  }

  protected override splits(): readonly NumberSplit[] {
    return [{ id: 'all', next: 0 }]
  }

  protected override createSplitReader(_context: ReaderContext): SplitReader<number, NumberSplit> {
    return this.#change({
      read: (split, max) => {
        const values = NUMBERS.slice(split.next, split.next + max)
        return values.length === 0
          ? 'end'
          : { batch: batchOf(values), next: { ...split, next: split.next + values.length } }
      },
    })
  }
}

describe('sourceConformance', () => {
  it('lets a source pass that keeps its contract', async () => {
    expect(await failing(sourceList(() => fromArray(NUMBERS)))).toEqual([])
    expect(await failing(sourceList(() => new Numbers((reader) => reader)))).toEqual([])
  })

  it('finds a position that stands before the last record', async () => {
    const offByOne = new Set(
      await failing(
        sourceList(
          () =>
            new Numbers(({ read }) => {
              // It goes on right as long as it lives: only who is restored sees the last record again.
              let live: number | undefined
              return {
                read: async (split, max) => {
                  const got = await read({ ...split, next: live ?? split.next }, max)
                  if (typeof got === 'string' || !('batch' in got)) return got
                  live = got.next.next
                  return { batch: got.batch, next: { ...got.next, next: got.next.next - 1 } }
                },
              }
            }),
          false,
        ),
      ),
    )
    expect(offByOne).toEqual(
      new Set(['goes on from a checkpoint after each poll', 'gives again what came after the checkpoint']),
    )
  })

  it('finds splits that are no plain data', async () => {
    class Split implements NumberSplit {
      readonly id = 'all'
      readonly next: number
      constructor(next: number) {
        this.next = next
      }
    }
    const instances = (): SourceFunction<number> =>
      new Numbers(({ read }) => ({
        read: async (split, max) => {
          const got = await read(split, max)
          return typeof got === 'string' || !('batch' in got) ? got : { ...got, next: new Split(got.next.next) }
        },
      }))
    expect(await failing(sourceList(instances))).toEqual(['has splits that are plain data, each with its id'])
  })

  it('finds a lost record and says which', async () => {
    const [every] = sourceConformance({
      name: 'planted',
      prepare: () => ({ create: () => fromArray(NUMBERS.slice(1)), expected: NUMBERS }),
      supports: { end: 'itself' },
    }).cases.filter(({ name }) => name.endsWith('exactly once'))
    await expect(every?.run()).rejects.toThrow(
      '9 records expected, 8 came, in any order (- missing, + too many):\n  - 0',
    )
  })

  it('lists what does not apply, with the reason', () => {
    expect(sourceList(() => fromArray(NUMBERS), false).skipped).toContainEqual({
      name: 'goes on at another parallelism',
      reason: 'supports.parallel is false',
    })
  })
})

interface Target {
  rows: number[]
  hidden: Map<number, number[]>
  last: number
}

const sinkList = (
  kind: 'upsert' | 'epoch' | 'append',
  create: (target: Target) => UpsertSinkFunction<number> | EpochSinkFunction<number> | AppendSinkFunction<number>,
): Conformance =>
  sinkConformance<number>({
    name: 'planted',
    kind,
    prepare: () => {
      const target: Target = { rows: [], hidden: new Map(), last: -1 }
      return { create: () => create(target), read: () => target.rows }
    },
    records: NUMBERS,
    supports: { parallel: false },
  })

/** Adds where it should replace. */
class Adding extends UpsertSinkFunction<number> {
  readonly #target: Target
  constructor(target: Target) {
    super()
    this.#target = target
  }
  override write(records: readonly number[]): void {
    this.#target.rows.push(...records)
  }
  override flush(): void {}
}

/** Writes each batch as it comes, outside of a transaction. */
class Piecemeal extends EpochSinkFunction<number> {
  readonly #target: Target
  constructor(target: Target) {
    super()
    this.#target = target
  }
  override lastEpoch(): number {
    return this.#target.last
  }
  override async apply(_writer: string, epoch: number, batches: AsyncIterable<readonly number[]>): Promise<void> {
    for await (const records of batches) this.#target.rows.push(...records)
    this.#target.last = epoch
  }
}

/** Publishes again whatever it is told to commit again. */
class Republishing extends AppendSinkFunction<number> {
  readonly #target: Target
  #pending: number[] = []
  constructor(target: Target) {
    super()
    this.#target = target
  }
  override restore(): void {}
  override write(records: readonly number[]): void {
    this.#pending.push(...records)
  }
  override prepare(epoch: number): AppendPrepared {
    this.#target.hidden.set(epoch, this.#pending)
    this.#pending = []
    return { state: null, commit: epoch }
  }
  override commit(epoch: unknown): void {
    this.#target.rows.push(...(this.#target.hidden.get(epoch as number) ?? []))
  }
}

describe('sinkConformance', () => {
  it('finds an upsert that adds', async () => {
    expect(await failing(sinkList('upsert', (target) => new Adding(target)))).toEqual([
      'is the same when any tail is written again',
      'is the same when everything is written again, flush by flush',
    ])
  })

  it('finds an epoch that is half applied', async () => {
    expect(await failing(sinkList('epoch', (target) => new Piecemeal(target)))).toEqual([
      'applies all of an epoch or nothing',
    ])
  })

  it('finds a commit that is not idempotent and a restore that cuts nothing back', async () => {
    expect(await failing(sinkList('append', (target) => new Republishing(target)))).toEqual([
      'commits again without harm',
      'cuts back what came after the checkpoint',
      'takes back later epochs when the job goes back',
    ])
  })

  it('finds a sink of another kind than its manifest says', async () => {
    const names = await failing(sinkList('append', (target) => new Adding(target)))
    expect(names).toContain('opens and closes without being written to')
  })
})
