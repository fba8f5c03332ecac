// The job of a seed, written in the language: sources with splits, one or two keyed stages, sinks.

import { job as makeJob } from '../../src/api/job.ts'
import type { Stream } from '../../src/api/streams.ts'
import { type Collector, KeyedProcessFunction } from '../../src/contract/process-function.ts'
import type { RichSinkFunction } from '../../src/contract/sink-function.ts'
import type { SourceSplit } from '../../src/contract/source-function.ts'
import { type SplitRead, type SplitReader, SplitSource } from '../../src/contract/split-source.ts'
import type { Job } from '../../src/graph/job.ts'
import { batchOf } from '../../src/record/batch.ts'
import type { Scenario, Shape } from './scenario.ts'
import type { Site } from './sim-process.ts'

/** Record `i` of a split. */
export interface Input {
  readonly split: string
  readonly i: number
  readonly key: number
  readonly amount: number
}

/** What a stage knows of a key after a record of it. */
export interface Update extends Input {
  /** How many records of the key came so far, this one included; and the sum of their amounts. */
  readonly count: number
  readonly sum: number
  /** The same of the second stage's key; 0 without one. */
  readonly groupCount: number
}

/** Keys of the second stage. */
export const GROUPS = 2
export const KEY_GROUPS = 12

export function inputAt(shape: Shape, split: string, i: number): Input {
  const mixed =
    Math.imul(
      i * 31 + split.length * 7 + (split.codePointAt(7) ?? 0) * 13 + (split.codePointAt(9) ?? 0),
      2654435761,
    ) >>> 8
  return { split, i, key: mixed % shape.keys, amount: mixed % 1009 }
}

export function splitName(source: string, split: number): string {
  return `${source}.${split}`
}

/** Every record there is. */
export function allInputs(shape: Shape): Input[] {
  return shape.sources.flatMap(({ name, splits }) =>
    splits.flatMap((records, split) =>
      Array.from({ length: records }, (_, i) => inputAt(shape, splitName(name, split), i)),
    ),
  )
}

/** `makeSink`: the sink of each kind, anew for each subtask. */
export function jobOfScenario(
  scenario: Scenario,
  site: Site,
  makeSink: (kind: Shape['sinks'][number]) => RichSinkFunction<Update>,
): Job {
  const { shape, checkpoint } = scenario
  const build = (flow: Parameters<Parameters<typeof makeJob>[1]>[0]): void => {
    const [first, ...others] = shape.sources.map((source) =>
      flow.from(source.name, () => new SimSource(shape, source, site)),
    ) as [Stream<Input>, ...Stream<Input>[]]
    const input = others.length === 0 ? first : first.union('all', ...others)
    const counted = input.keyBy('by-key', (record) => record.key).process('count', () => new CountKey(site))
    const stream =
      shape.stages === 1
        ? counted
        : counted.keyBy('by-group', (update) => update.key % GROUPS).process('count-group', () => new CountGroup())
    for (const kind of shape.sinks) stream.to(kind, () => makeSink(kind))
  }
  return makeJob('simulated', build, { keyGroups: KEY_GROUPS, checkpoint })
}

interface CountSplit extends SourceSplit {
  readonly next: number
  readonly end: number
}

class SimSource extends SplitSource<Input, CountSplit> {
  readonly boundedness = 'bounded'
  readonly #shape: Shape
  readonly #source: Shape['sources'][number]
  readonly #site: Site

  constructor(shape: Shape, source: Shape['sources'][number], site: Site) {
    super()
    this.#shape = shape
    this.#source = source
    this.#site = site
  }

  protected splits(): readonly CountSplit[] {
    return this.#source.splits.map((end, split) => ({ id: splitName(this.#source.name, split), next: 0, end }))
  }

  protected createSplitReader(): SplitReader<Input, CountSplit> {
    const { rng } = this.#site.timeline
    return {
      read: (split) => {
        if (rng.int(3) === 0) return { waitMs: rng.int(40) * this.#site.faults.scenario.baseLatencyMs }
        if (rng.int(4) === 0) return this.#read(split)
        return this.#site.operate(() => this.#read(split))
      },
    }
  }

  #read(split: CountSplit): SplitRead<Input, CountSplit> {
    if (split.next === split.end) return 'end'
    const { rng } = this.#site.timeline
    const next = Math.min(split.end, split.next + 1 + rng.int(4))
    const values = Array.from({ length: next - split.next }, (_, k) => inputAt(this.#shape, split.id, split.next + k))
    return { batch: batchOf(values), next: { ...split, next } }
  }
}

class CountKey extends KeyedProcessFunction<number, Input, Update> {
  readonly #total = this.valueState<{ count: number; sum: number }>('total')
  readonly #site: Site

  constructor(site: Site) {
    super()
    this.#site = site
  }

  override process(input: Input, _context: object, out: Collector<Update>): void {
    if (this.#site.faults.userErrs()) throw new Error('an error of the user')
    const { count, sum } = this.#total.get() ?? { count: 0, sum: 0 }
    const total = { count: count + 1, sum: sum + input.amount }
    this.#total.set(total)
    out.emit({ ...input, ...total, groupCount: 0 })
  }
}

class CountGroup extends KeyedProcessFunction<number, Update, Update> {
  readonly #count = this.valueState<number>('count')

  override process(update: Update, _context: object, out: Collector<Update>): void {
    const groupCount = (this.#count.get() ?? 0) + 1
    this.#count.set(groupCount)
    out.emit({ ...update, groupCount })
  }
}
