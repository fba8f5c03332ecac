import type { RuntimeContext } from '../contract/runtime-context.ts'
import type { ReaderContext, SourceSplit } from '../contract/source-function.ts'
import { type SplitRead, type SplitReader, SplitSource } from '../contract/split-source.ts'
import { batchOf } from '../record/batch.ts'

/**
 * What one read gave: records and the position behind them; `'idle'`: nothing now, ask again after pollMs; `'end'`: nothing ever again.
 */
export type ReadResult<T, P> =
  | { readonly records: readonly T[]; readonly position: P; readonly timestamps?: readonly number[] }
  | 'idle'
  | 'end'

interface SourceBody<T, P> {
  /**
   * At most about `limit` records from `position` on. The same position must give the same records again: after a crash the
   * source goes on from the position that the checkpoint holds. A position is plain data.
   */
  read(position: P, limit: number, split: string): ReadResult<T, P> | Promise<ReadResult<T, P>>
  /** Once in each subtask, before it reads. */
  open?(context: RuntimeContext): void | Promise<void>
  /** Always called, also after a failure. */
  close?(): void | Promise<void>
  /** Does it end by itself? Default false. In batch mode `'idle'` is the end of either kind. */
  readonly bounded?: boolean
  /** How long after `'idle'` it is asked again. Default 100. */
  readonly pollMs?: number
}

/** A source in one object: where it starts, and how it reads on from a position. */
export type SourceDefinition<T, P> = SourceBody<T, P> &
  (
    | { /** The position of a fresh start. */ readonly start: P }
    | {
        /** Parts that are read side by side, each in order, with the position where each starts. A function is called at a fresh start. */
        readonly splits:
          | Readonly<Record<string, P>>
          | (() => Readonly<Record<string, P>> | Promise<Readonly<Record<string, P>>>)
      }
  )

interface PositionSplit<P> extends SourceSplit {
  readonly position: P
}

const POLL_MS = 100

/**
 * A source of your own, replayable and exactly-once, in a few lines:
 * `defineSource({ start: 0, read: async (offset, limit) => ({ records: await page(offset, limit), position: offset + limit }) })`.
 */
export function defineSource<T, P>(definition: SourceDefinition<T, P>): SplitSource<T, PositionSplit<P>> {
  return new DefinedSource(definition)
}

class DefinedSource<T, P> extends SplitSource<T, PositionSplit<P>> {
  readonly boundedness: 'bounded' | 'unbounded'
  readonly #definition: SourceDefinition<T, P>

  constructor(definition: SourceDefinition<T, P>) {
    super()
    this.#definition = definition
    this.boundedness = definition.bounded === true ? 'bounded' : 'unbounded'
  }

  protected override async splits(): Promise<readonly PositionSplit<P>[]> {
    const definition = this.#definition
    if ('start' in definition) return [{ id: 'all', position: definition.start }]
    const { splits } = definition
    const starts = typeof splits === 'function' ? await splits() : splits
    return Object.entries(starts).map(([id, position]) => ({ id, position }))
  }

  protected override createSplitReader(context: ReaderContext): SplitReader<T, PositionSplit<P>> {
    return new DefinedReader(this.#definition, context)
  }
}

class DefinedReader<T, P> implements SplitReader<T, PositionSplit<P>> {
  readonly #definition: SourceBody<T, P>
  readonly #context: ReaderContext

  constructor(definition: SourceBody<T, P>, context: ReaderContext) {
    this.#definition = definition
    this.#context = context
  }

  open(): void | Promise<void> {
    return this.#definition.open?.(this.#context)
  }

  read(
    split: PositionSplit<P>,
    maxRecords: number,
  ): SplitRead<T, PositionSplit<P>> | Promise<SplitRead<T, PositionSplit<P>>> {
    const result = this.#definition.read(split.position, maxRecords, split.id)
    return result instanceof Promise
      ? result.then((settled) => this.#answer(split, settled))
      : this.#answer(split, result)
  }

  close(): void | Promise<void> {
    return this.#definition.close?.()
  }

  #answer(split: PositionSplit<P>, result: ReadResult<T, P>): SplitRead<T, PositionSplit<P>> {
    if (result === 'end' || (result === 'idle' && this.#context.mode === 'batch')) return 'end'
    const waitMs = this.#definition.pollMs ?? POLL_MS
    if (result === 'idle') return { waitMs }
    const next = { ...split, position: result.position }
    // A position may move over nothing, such as a page of deleted rows: that is no reason to spin.
    return result.records.length === 0 ? { waitMs, next } : { batch: batchOf(result.records, result.timestamps), next }
  }
}
