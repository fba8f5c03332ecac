import type { Operator, Output } from '../contract/operator.ts'
import { isMillraceError, MillraceError } from '../errors.ts'
import type { Batch } from '../record/batch.ts'
import { batchOf } from '../record/batch.ts'
import type { Key } from '../util/key-group.ts'
import { canonicalKey } from '../util/key-group.ts'
import { renderRecord, userError } from '../util/user-error.ts'

/** Computes the key of each record. Values are passed on as they are; the edge behind this node partitions by the keys. */
export class KeyByOperator<K extends Key, T> implements Operator {
  readonly #node: string
  readonly #selector: (value: T) => K

  constructor(node: string, selector: (value: T) => K) {
    this.#node = node
    this.#selector = selector
  }

  process(batch: Batch, out: Output): void {
    const values = batch.values as readonly T[]
    const selector = this.#selector
    const count = values.length
    const keys = new Array<Key>(count)
    let i = 0
    try {
      for (; i < count; i += 1) {
        const key = selector(values[i] as T)
        // canonicalKey throws for what cannot be a key; strings and whole numbers need no look.
        if (typeof key !== 'string' && !Number.isInteger(key)) canonicalKey(key)
        keys[i] = key
      }
    } catch (error) {
      throw this.#error(values[i] as T, error)
    }
    out.batch(batchOf(values, batch.timestamps, keys))
  }

  /** A key that cannot be one is told with its node and the record it came from. */
  #error(record: T, error: unknown): unknown {
    if (!isMillraceError(error) || error.code !== 'KEY_INVALID') return userError(this.#node, record, error)
    const key = `${String(error.details.key)} (of record ${renderRecord(record)})`
    return new MillraceError('KEY_INVALID', { key, node: this.#node }, error)
  }
}
