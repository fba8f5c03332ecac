import type { Operator, Output } from '../../contract/operator.ts'
import { type Batch, batchOf } from '../../record/batch.ts'
import type { RowChange } from '../../record/row-change.ts'
import type { Key } from '../../util/key-group.ts'
import { renderRecord, userError } from '../../util/user-error.ts'
import { brokenChangelog, type ChangelogMode } from './row-changes.ts'
import { encodeRowKey, hasNull, NO_PARTNER, ROW_KEYS, type RowKey } from './row-key.ts'

/** Keys with a null in them: a `group` like others; for joins, which find them no partner: `drop`ped, or kept `apart`. */
export type NullKeys = 'group' | 'drop' | 'apart'

/** Computes the key of each row, in the form that state is kept under; records are passed on as they are. */
export class KeyRowsOperator<T> implements Operator {
  readonly #node: string
  readonly #mode: ChangelogMode
  readonly #selector: (row: T) => RowKey
  readonly #nulls: NullKeys

  constructor(node: string, mode: ChangelogMode, selector: (row: T) => RowKey, nulls: NullKeys = 'group') {
    this.#node = node
    this.#mode = mode
    this.#selector = selector
    this.#nulls = nulls
  }

  process(batch: Batch, out: Output): void {
    const { values } = batch
    const retracts = this.#mode === 'retract'
    const selector = this.#selector
    const drops = this.#nulls === 'drop'
    const apart = this.#nulls === 'apart'
    const keys: Key[] = []
    const kept: unknown[] = []
    const timestamps: number[] | undefined = batch.timestamps === undefined ? undefined : []
    let i = 0
    try {
      for (; i < values.length; i += 1) {
        const key = selector(retracts ? (values[i] as RowChange<T>).row : (values[i] as T))
        if (drops && hasNull(key)) continue
        const encoded = apart && hasNull(key) ? NO_PARTNER : encodeRowKey(key)
        if (encoded === undefined) throw this.#noKey(values[i], key)
        keys.push(encoded)
        if (drops) {
          kept.push(values[i])
          timestamps?.push(batch.timestamps?.[i] as number)
        }
      }
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
    if (keys.length === values.length) out.batch(batchOf(values, batch.timestamps, keys))
    else if (keys.length > 0) out.batch(batchOf(kept, timestamps, keys))
  }

  #noKey(record: unknown, key: unknown): Error {
    return brokenChangelog(this.#node, record, `${renderRecord(key)} cannot be its key: expected ${ROW_KEYS}`)
  }
}
