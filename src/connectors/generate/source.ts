// GenerateSource: records made from their index.
//
// I1. Record i is the same in every run: it depends on (seed, i) alone.
// I2. Its split's `next` is the first record not yet made: nothing else is kept.

import type { RuntimeContext } from '../../contract/runtime-context.ts'
import type { ReaderContext } from '../../contract/source-function.ts'
import { type SplitRead, type SplitReader, SplitSource } from '../../contract/split-source.ts'
import { batchOf } from '../../record/batch.ts'
import { indexedRng } from '../../util/rng.ts'
import type { GenerateOptions } from './options.ts'
import { Pace } from './pace.ts'
import { type GenerateSplit, generateSplits } from './position.ts'

/** See generate(). */
export class GenerateSource<T> extends SplitSource<T, GenerateSplit> {
  readonly boundedness: 'bounded' | 'unbounded'
  override readonly endsInBatch: boolean
  readonly #options: GenerateOptions<T>

  constructor(options: GenerateOptions<T>) {
    super()
    this.#options = options
    this.boundedness = options.count === undefined ? 'unbounded' : 'bounded'
    this.endsInBatch = options.count !== undefined
  }

  protected override splits(context: RuntimeContext): readonly GenerateSplit[] {
    return generateSplits(this.#options.splits ?? context.parallelism)
  }

  protected override createSplitReader(context: ReaderContext): SplitReader<T, GenerateSplit> {
    return new GenerateReader(this.#options, context)
  }
}

class GenerateReader<T> implements SplitReader<T, GenerateSplit> {
  readonly #make: GenerateOptions<T>['make']
  readonly #rng: ReturnType<typeof indexedRng>
  readonly #count: number
  readonly #pace: Pace | undefined

  constructor(options: GenerateOptions<T>, context: ReaderContext) {
    this.#make = options.make
    this.#rng = indexedRng(options.seed ?? 1)
    this.#count = options.count ?? Number.POSITIVE_INFINITY
    const { perSecond } = options
    this.#pace = perSecond === undefined ? undefined : new Pace(context.clock, perSecond / context.parallelism)
  }

  read(split: GenerateSplit, maxRecords: number): SplitRead<T, GenerateSplit> {
    const left = Math.ceil((this.#count - split.next) / split.stride)
    if (left <= 0) return 'end'
    const wanted = Math.min(maxRecords, left)
    const granted = this.#pace?.take(wanted) ?? wanted
    if (granted === 0) return { waitMs: this.#pace?.waitMs() ?? 0 }
    const values = new Array<T>(granted)
    for (let n = 0; n < granted; n += 1) {
      const index = split.next + n * split.stride
      this.#rng.at(index)
      values[n] = this.#make(index, this.#rng)
    }
    return { batch: batchOf(values), next: { ...split, next: split.next + granted * split.stride } }
  }
}
