import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SourceTime } from '../../../runtime/task/source-time.ts'
import { ManualClock } from '../../../runtime/testing/index.ts'
import type { Output } from '../../../src/contract/operator.ts'
import { batchOf } from '../../../src/record/batch.ts'
import { monotonousTimestamps, type WatermarkOptions } from '../../../src/time/watermark-strategy.ts'

type Said = { readonly records: readonly number[] } | { readonly watermark: number } | { readonly idle: boolean }

/** What a source said, in order: records by their event times, watermarks, status. */
class Heard implements Output {
  readonly said: Said[] = []

  batch({ timestamps = [] }: { readonly timestamps: readonly number[] | undefined }): void {
    this.said.push({ records: timestamps })
  }

  emit(): void {}

  watermark(watermark: number): void {
    this.said.push({ watermark })
  }

  idle(idle: boolean): void {
    this.said.push({ idle })
  }

  /** Since the last call. */
  take(): Said[] {
    return this.said.splice(0)
  }
}

interface Setting {
  readonly options?: WatermarkOptions<unknown>
  readonly restored?: Readonly<Record<string, number>>
  readonly perSplit?: boolean
}

function sourceTime({ options = {}, restored = {}, perSplit = true }: Setting = {}) {
  const heard = new Heard()
  const clock = new ManualClock()
  const strategy = monotonousTimestamps<unknown>({ timestampOf: Number, ...options })
  const time = new SourceTime({ node: 'source', strategy, clock, output: heard, restored, perSplit })
  const read = (split: string | undefined, ...times: number[]): void => time.accept(batchOf(times), split)
  const tell = (): Said[] => {
    time.tell()
    return heard.take()
  }
  /** A quarter of idleAfterMs, in which the source looked. */
  const quarters = (count: number, ms: number): Said[] => {
    for (let i = 0; i < count; i += 1) {
      clock.advance(ms / 4)
      time.look()
    }
    return heard.take()
  }
  return { time, heard, clock, read, tell, quarters }
}

describe('event time per split', () => {
  it('I1: is the least of the splits, so that two that are out of phase make nothing late', () => {
    const { time, heard, read, tell } = sourceTime()
    time.addSplits(['a', 'b'])
    read('a', 1_000)
    expect(tell()).toEqual([{ records: [1_000] }])
    read('b', 10)
    expect(tell()).toEqual([{ records: [10] }, { watermark: 9 }])
    read('b', 500)
    read('a', 1_001)
    expect(heard.take()).toEqual([{ records: [500] }, { records: [1_001] }])
    expect(tell()).toEqual([{ watermark: 499 }])
  })

  it('a reader that does not tell splits apart counts as one', () => {
    const { time, read, tell } = sourceTime({ perSplit: false })
    time.addSplits(['a', 'b'])
    read(undefined, 1_000)
    expect(tell()).toEqual([{ records: [1_000] }, { watermark: 999 }])
    expect(time.watermarks()).toEqual({ '': 999 })
  })

  it('records of no split have event times, but say nothing of how far it has come', () => {
    const { time, read, tell, quarters } = sourceTime({ options: { idleAfterMs: 1_000 } })
    time.addSplits(['chunk', 'log'])
    read(undefined, 900)
    read(undefined, 100)
    read('log', 500)
    expect(tell()).toEqual([{ records: [900] }, { records: [100] }, { records: [500] }])
    for (let i = 0; i < 10; i += 1) {
      read(undefined, 7)
      expect(quarters(1, 1_000)).toEqual([{ records: [7] }])
    }
    time.endSplit('chunk')
    read(undefined, 300)
    expect(tell()).toEqual([{ records: [300] }, { watermark: 499 }])
  })

  it('a split that has ended holds nothing back, from behind its last batch on', () => {
    const { time, heard, read, tell } = sourceTime()
    time.addSplits(['a', 'b'])
    read('a', 100)
    tell()
    time.endSplit('b')
    read('b', 20)
    expect(heard.take()).toEqual([{ records: [20] }, { watermark: 19 }, { watermark: 99 }])
    expect(time.watermarks()).toEqual({ a: 99 })
  })

  it('a source whose splits have all ended waits where it is for the next', () => {
    const { time, read, tell } = sourceTime()
    time.addSplits(['a'])
    read('a', 100)
    time.endSplit('a')
    expect(tell()).toEqual([{ records: [100] }, { watermark: 99 }])
    time.addSplits(['b'])
    read('b', 50)
    expect(tell()).toEqual([{ records: [50] }])
    read('b', 200)
    expect(tell()).toEqual([{ records: [200] }, { watermark: 199 }])
  })

  it('I2: goes on from the checkpoint, in whichever subtask: nothing is said anew that is earlier', () => {
    const { time, read, tell } = sourceTime({ restored: { a: 400, b: 300, elsewhere: 5 } })
    time.addSplits(['a', 'b'])
    expect(tell()).toEqual([{ watermark: 300 }])
    read('b', 100)
    expect(tell()).toEqual([{ records: [100] }])
    read('b', 1_000)
    expect(tell()).toEqual([{ records: [1_000] }, { watermark: 400 }])
    expect(time.watermarks()).toEqual({ a: 400, b: 999 })
  })

  it('I3: says so behind every sixteenth batch without being asked', () => {
    const { heard, read } = sourceTime({ perSplit: false })
    for (let i = 1; i <= 33; i += 1) read(undefined, i)
    const at = heard.take().flatMap((one, i) => ('watermark' in one ? [[i, one.watermark]] : []))
    expect(at).toEqual([
      [16, 15],
      [33, 31],
    ])
  })

  it('whatever is read in whatever order, watermarks only grow and no record of a split in order is late', () => {
    const scripts = fc.array(fc.array(fc.nat(50), { maxLength: 20 }), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(scripts, fc.array(fc.tuple(fc.nat(4), fc.boolean()), { maxLength: 120 }), (steps, schedule) => {
        const { time, heard, read } = sourceTime()
        time.addSplits(steps.map((_, i) => `s${i}`))
        const at = steps.map(() => 0)
        for (const [i, tells] of schedule) {
          const split = i % steps.length
          const step = steps[split]?.shift()
          if (step !== undefined) {
            at[split] = (at[split] ?? 0) + step
            if (steps[split]?.length === 0) time.endSplit(`s${split}`)
            read(`s${split}`, at[split] as number)
          }
          if (tells) time.tell()
        }
        let reached = Number.NEGATIVE_INFINITY
        for (const one of heard.said) {
          if ('watermark' in one) expect(one.watermark).toBeGreaterThan(reached)
          if ('watermark' in one) reached = one.watermark
          if ('records' in one) expect(Math.min(...one.records)).toBeGreaterThan(reached)
        }
      }),
    )
  })
})

describe('idleness', () => {
  const options = { idleAfterMs: 1_000 }

  it('I4: a split that gives nothing is not waited for, and says that it is back before its next record', () => {
    const { time, heard, read, quarters } = sourceTime({ options })
    time.addSplits(['a', 'b'])
    const busy = (): Said[] => {
      read('a', 100)
      return quarters(1, 1_000)
    }
    for (let i = 0; i < 4; i += 1) expect(busy()).toEqual([{ records: [100] }])
    expect(busy()).toEqual([{ records: [100] }, { watermark: 99 }])
    read('b', 150)
    read('b', 160)
    read('a', 300)
    time.tell()
    expect(heard.take()).toEqual([{ records: [150] }, { records: [160] }, { records: [300] }, { watermark: 159 }])
  })

  it('a source without any record is idle as a whole, and active again before its next one', () => {
    const { read, heard, quarters } = sourceTime({ options, perSplit: false })
    expect(quarters(4, 1_000)).toEqual([])
    expect(quarters(1, 1_000)).toEqual([{ idle: true }])
    expect(quarters(10, 1_000)).toEqual([])
    read(undefined, 5)
    expect(heard.take()).toEqual([{ idle: false }, { records: [5] }])
  })

  it('a source that was given no split yet is waited for, but not for ever', () => {
    const { time, read, tell, quarters } = sourceTime({ options })
    expect(quarters(5, 1_000)).toEqual([{ idle: true }])
    time.addSplits(['a'])
    expect(tell()).toEqual([{ idle: false }])
    read('a', 10)
    expect(tell()).toEqual([{ records: [10] }, { watermark: 9 }])
  })

  it('time in which the source did not look does not count, nor does that of a paused split', () => {
    const { time, clock, read, quarters, tell } = sourceTime({ options })
    time.addSplits(['a', 'b'])
    read('a', 5_000)
    read('b', 10)
    tell()
    clock.advance(60_000)
    time.look()
    expect(quarters(3, 1_000)).toEqual([])
    read('b', 11)
    expect(tell()).toEqual([{ records: [11] }, { watermark: 10 }])
    expect(time.pauseBeyond(100)).toBe(true)
    expect([...time.paused]).toEqual(['a'])
    for (let i = 0; i < 20; i += 1) {
      read('b', 12)
      quarters(1, 1_000)
    }
    expect(time.least).toBe(11)
    time.pauseBeyond(10_000)
    expect(quarters(3, 1_000)).toEqual([])
  })

  it('without idleAfterMs everybody is waited for, for ever', () => {
    const { time, quarters } = sourceTime()
    expect(time.nextLookInMs).toBeUndefined()
    expect(quarters(100, 1_000_000)).toEqual([])
  })
})
