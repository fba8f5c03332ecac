import {
  type EnumeratorContext,
  type ReaderContext,
  SourceFunction,
  type SourceReader,
  type SplitEnumerator,
} from '../../contract/source-function.ts'
import type { Change, ChangeSource as Place } from '../../record/change.ts'
import { ChangeEnumerator } from './change-enumerator.ts'
import { ChangeReader } from './change-reader.ts'
import type { ChangeSplit } from './change-split.ts'
import type { ChangeSourceOptions } from './options.ts'
import type { ChangePort, Offset } from './port.ts'

/** Tables of a database in full, then their changes, through a port. What factories such as sqliteChanges return. */
export class ChangeSource<Row> extends SourceFunction<Change<Row>, ChangeSplit> {
  readonly boundedness: 'bounded' | 'unbounded'
  readonly #makePort: () => ChangePort<Row>
  readonly #options: ChangeSourceOptions
  /** Never opened: it compares. */
  #comparing: ChangePort<Row> | undefined

  constructor(makePort: () => ChangePort<Row>, options: ChangeSourceOptions, boundedness: 'bounded' | 'unbounded') {
    super()
    this.#makePort = makePort
    this.#options = options
    this.boundedness = boundedness
  }

  createEnumerator(context: EnumeratorContext<ChangeSplit>): SplitEnumerator {
    return new ChangeEnumerator(this.#makePort(), this.#options, context)
  }

  createReader(context: ReaderContext): SourceReader<Change<Row>, ChangeSplit> {
    return new ChangeReader(this.#makePort(), this.#options, context)
  }

  /** Whether a change that says it is from `place` lies at or before an offset where no transaction is under way, such as the end of a snapshot. */
  covers(offset: Offset, place: Place): boolean {
    this.#comparing ??= this.#makePort()
    return this.#comparing.covers(offset, place)
  }
}
