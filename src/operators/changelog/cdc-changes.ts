import type { Operator, Output } from '../../contract/operator.ts'
import type { Batch } from '../../record/batch.ts'
import type { Change } from '../../record/change.ts'
import type { RowChange } from '../../record/row-change.ts'
import { BatchCollector } from '../collector.ts'
import { brokenChangelog, rowChange } from './row-changes.ts'

/** Changes as change sources tell them, as changes of rows. Changes of columns (`s`) are passed over. */
export class CdcChangesOperator<Row> implements Operator {
  readonly #node: string
  readonly #collector: BatchCollector<RowChange<Row>>

  constructor(node: string) {
    this.#node = node
    this.#collector = new BatchCollector(node)
  }

  process({ values }: Batch, out: Output): void {
    this.#collector.begin(out)
    for (const change of values as readonly Change<Row>[]) this.#take(change)
    this.#collector.end()
  }

  #take(change: Change<Row>): void {
    const { op, before, after } = change
    if (op === 's') return
    // Which rows a truncated table had is known to nobody here, and to make it up would leave them in every result.
    if (op === 't')
      throw this.#broken(change, 'its table was truncated, which does not say which rows are gone: delete them instead')
    const updates = op === 'u'
    if (before === null && (updates || op === 'd'))
      throw this.#broken(change, 'it does not say what the row was before')
    if (after === null && op !== 'd') throw this.#broken(change, 'it does not say what the row is now')
    if (before !== null && (updates || op === 'd')) this.#collector.emit(rowChange(updates ? '-U' : '-D', before))
    if (after !== null && op !== 'd') this.#collector.emit(rowChange(updates ? '+U' : '+I', after))
  }

  #broken(change: Change<Row>, reason: string): Error {
    return brokenChangelog(this.#node, change, reason)
  }
}
