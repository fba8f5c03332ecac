import type { Offset } from '../connectors/cdc/index.ts'
import type { KafkaConnectionOptions } from '../connectors/kafka/connection.ts'
import type { KafkaRecord } from '../connectors/kafka/records/kafka-record.ts'
import {
  type EnumeratorContext,
  type ReaderContext,
  SourceFunction,
  type SourceReader,
  type SplitEnumerator,
} from '../contract/source-function.ts'
import type { Change, ChangeSource } from '../record/change.ts'
import { ApplyReader, type SyncSplit } from './apply-reader.ts'
import { LateStart } from './late-start.ts'
import { isBegun, topicEnds } from './topic-ends.ts'
import type { TopicNames } from './topic-names.ts'

export interface ApplySourceOptions {
  /** Reads the sync's topics, from their beginnings on. */
  readonly topics: SourceFunction<KafkaRecord, SyncSplit>
  readonly kafka: KafkaConnectionOptions
  readonly names: TopicNames
  /** Whether a change lies at or before a place in the log. */
  readonly covers: (offset: Offset, source: ChangeSource) => boolean
  /** Ends behind what was committed at or before this time; Infinity: behind what is there; undefined: never. */
  readonly untilMs: number | undefined
  /** Each table is told to be empty before its first row. */
  readonly empty: boolean
}

/** The changes of a sync, table by table as one stream: its rows in full, then every change since, each once. Read by one subtask. */
export class ApplySource<Row> extends SourceFunction<Change<Row>, SyncSplit> {
  readonly boundedness: 'bounded' | 'unbounded'
  readonly #options: ApplySourceOptions

  constructor(options: ApplySourceOptions) {
    super()
    this.#options = options
    this.boundedness = options.untilMs === undefined ? 'unbounded' : 'bounded'
  }

  createEnumerator(context: EnumeratorContext<SyncSplit>): SplitEnumerator {
    const { topics, kafka, names } = this.#options
    // Where it ends, in batch mode too, the reader knows: a run that goes on must find its partitions again.
    const inner = topics.createEnumerator({ ...context, mode: 'stream' })
    return new LateStart(inner, isBegun(kafka, names, context), context.logger)
  }

  createReader(context: ReaderContext): SourceReader<Change<Row>, SyncSplit> {
    const { topics, kafka, names, covers, empty } = this.#options
    const untilMs = this.#options.untilMs ?? (context.mode === 'batch' ? Number.POSITIVE_INFINITY : undefined)
    const ends = () => topicEnds(kafka, names, context)
    const open = (inner: ReaderContext): SourceReader<KafkaRecord, SyncSplit> => topics.createReader(inner)
    return new ApplyReader<Row>({ open, names, covers, ends, untilMs, empty, context })
  }
}
