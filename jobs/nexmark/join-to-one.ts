import { type Collector, CoProcessFunction, type Key, type KeyedProcessContext } from 'millrace'

export interface JoinToOneOptions<One, Many, Kept, Row> {
  /** What is kept of a record of the first stream; undefined if its partners make no rows. */
  readonly keep: (one: One) => Kept | undefined
  readonly row: (kept: Kept, many: Many) => Row
}

/**
 * Joins two streams without end, of which the first has each key once at most. Either side may come first: what has no partner
 * yet waits for it. A partner that makes no rows is remembered too, so that nothing waits for it in vain.
 */
export class JoinToOne<K extends Key, One, Many, Kept, Row> extends CoProcessFunction<K, One, Many, Row> {
  readonly #one = this.valueState<Kept | null>('one')
  readonly #waiting = this.listState<Many>('waiting')
  readonly #options: JoinToOneOptions<One, Many, Kept, Row>

  constructor(options: JoinToOneOptions<One, Many, Kept, Row>) {
    super()
    this.#options = options
  }

  override process1(one: One, _context: KeyedProcessContext<K>, out: Collector<Row>): void {
    const kept = this.#options.keep(one) ?? null
    this.#one.set(kept)
    if (kept !== null) for (const many of this.#waiting.get()) out.emit(this.#options.row(kept, many))
    this.#waiting.clear()
  }

  override process2(many: Many, _context: KeyedProcessContext<K>, out: Collector<Row>): void {
    const kept = this.#one.get()
    if (kept === undefined) this.#waiting.add(many)
    else if (kept !== null) out.emit(this.#options.row(kept, many))
  }
}
