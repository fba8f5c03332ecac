import {
  type EnumeratorContext,
  type ReaderContext,
  SourceFunction,
  type SourceReader,
  type SplitEnumerator,
} from '../../../contract/source-function.ts'
import { type RelaySourceOptions, type RelaySourceSettings, sourceSettings } from './options.ts'
import { RelayEnumerator } from './relay-enumerator.ts'
import { RelayReader } from './relay-reader.ts'
import type { RelaySplit } from './relay-split.ts'

/**
 * Receives what relaySinks of other sites send, each record exactly once, each stream in order. See the README for what it promises.
 * Throws CONNECTOR_OPTION.
 */
export function relaySource<T>(options: RelaySourceOptions<T>): SourceFunction<T, RelaySplit> {
  return new RelaySource(sourceSettings(options))
}

class RelaySource<T> extends SourceFunction<T, RelaySplit> {
  readonly boundedness = 'unbounded'
  override readonly endsInBatch = false
  readonly #settings: RelaySourceSettings<T>

  constructor(settings: RelaySourceSettings<T>) {
    super()
    this.#settings = settings
  }

  createEnumerator(context: EnumeratorContext<RelaySplit>): SplitEnumerator {
    return new RelayEnumerator(context, this.#settings as RelaySourceSettings<unknown>)
  }

  createReader(context: ReaderContext): SourceReader<T, RelaySplit> {
    return new RelayReader(context, this.#settings.codec)
  }
}
