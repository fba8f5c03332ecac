// CollectSink: an append sink into an array.
//
// Owns: the records of epochs by array, prepared or committed: they outlive a sink's object, as parts of a file would.
// Does not own: the array.
//
// I1. A record is in the array once its epoch was committed, and once only, however often that is repeated.
// I2. A restore forgets what was prepared after the restored checkpoint, and takes back what was committed after it.

import type { RuntimeContext } from '../../contract/runtime-context.ts'
import { type AppendPrepared, AppendSinkFunction } from '../../contract/sink-function.ts'

/** One epoch of one subtask. */
interface Part {
  /** Node and subtask: several sinks may fill one array. */
  readonly writer: string
  readonly epoch: number
  readonly records: readonly unknown[]
}

interface Shelf {
  prepared: readonly Part[]
  /** In the order of the array. */
  committed: readonly Part[]
}

const shelves = new WeakMap<object, Shelf>()

/** See collect(). */
export class CollectSink<T> extends AppendSinkFunction<T> {
  readonly #into: T[]
  readonly #shelf: Shelf
  #writer = ''
  #pending: T[] = []

  constructor(into: T[]) {
    super()
    this.#into = into
    this.#shelf = shelves.get(into) ?? { prepared: [], committed: [] }
    shelves.set(into, this.#shelf)
  }

  override open(context: RuntimeContext): void {
    this.#writer = `${context.node}/${context.subtask}`
  }

  /** Every subtask of an attempt restores the same checkpoint before any runs, so each may do it for all. */
  override restore(_states: readonly unknown[], checkpoint = -1): void {
    const shelf = this.#shelf
    shelf.prepared = shelf.prepared.filter((part) => part.epoch <= checkpoint)
    const kept = shelf.committed.filter((part) => part.epoch <= checkpoint)
    if (kept.length === shelf.committed.length) return
    shelf.committed = kept
    this.#into.length = 0
    for (const part of kept) this.#append(part)
  }

  override write(records: readonly T[]): void {
    for (const record of records) this.#pending.push(record)
  }

  override prepare(epoch: number): AppendPrepared {
    if (this.#pending.length === 0) return { state: null, commit: undefined }
    this.#shelf.prepared = [...this.#shelf.prepared, { writer: this.#writer, epoch, records: this.#pending }]
    this.#pending = []
    return { state: null, commit: { writer: this.#writer, epoch } }
  }

  override commit(committable: unknown): void {
    const { writer, epoch } = committable as Pick<Part, 'writer' | 'epoch'>
    const part = this.#shelf.prepared.find((one) => one.writer === writer && one.epoch === epoch)
    // Not there: committed before. (Or prepared by a process that is gone, and its array with it.)
    if (part === undefined) return
    this.#shelf.prepared = this.#shelf.prepared.filter((one) => one !== part)
    this.#shelf.committed = [...this.#shelf.committed, part]
    this.#append(part)
  }

  #append(part: Part): void {
    for (const record of part.records) this.#into.push(record as T)
  }
}
