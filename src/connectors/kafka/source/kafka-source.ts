import {
  type EnumeratorContext,
  type ReaderContext,
  SourceFunction,
  type SourceReader,
  type SplitEnumerator,
} from '../../../contract/source-function.ts'
import type { KafkaRecord } from '../records/kafka-record.ts'
import { KafkaEnumerator } from './kafka-enumerator.ts'
import { KafkaReader } from './kafka-reader.ts'
import type { KafkaSplit } from './kafka-split.ts'
import { type KafkaSourceOptions, type KafkaSourceSettings, sourceSettings } from './options.ts'

/**
 * Reads the partitions of topics, each in order, from positions that are in the job's checkpoints. The group is for others to see how far
 * it is. See the README for what it promises. Throws CONNECTOR_OPTION.
 */
export function kafkaSource<T = KafkaRecord>(options: KafkaSourceOptions<T>): SourceFunction<T, KafkaSplit> {
  return new KafkaSource(sourceSettings(options))
}

class KafkaSource<T> extends SourceFunction<T, KafkaSplit> {
  readonly boundedness: 'bounded' | 'unbounded'
  readonly #settings: KafkaSourceSettings<T>

  constructor(settings: KafkaSourceSettings<T>) {
    super()
    this.#settings = settings
    this.boundedness = settings.bounded === undefined ? 'unbounded' : 'bounded'
  }

  createEnumerator(context: EnumeratorContext<KafkaSplit>): SplitEnumerator {
    return new KafkaEnumerator(context, this.#settings)
  }

  createReader(context: ReaderContext): SourceReader<T, KafkaSplit> {
    return new KafkaReader(context, this.#settings)
  }
}
