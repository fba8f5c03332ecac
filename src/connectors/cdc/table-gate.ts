// TableGate: judges the log's changes of one table by the chunk its keys lie in, until the log is past all chunks.
//
// Owns: the parts of the table's chunks, and a router.
//
// I1. A change at offset p of a key whose part was read at h is let through exactly if p > h: at or before h, the part shows it.
// I2. An update that moves a row between parts is judged at both ends: it becomes a delete or a create where one end shows it.

import type { Change } from '../../record/change.ts'
import { present } from '../../util/assert.ts'
import type { ChunkPart, TableRef } from './change-split.ts'
import type { ChangePort, KeyBound, KeyOrder, KeyRouter, Offset } from './port.ts'

/** What becomes of a change. `restart`: a truncation that some parts show and some do not. */
export type Verdict<Row> = Change<Row> | 'drop' | 'restart'

export class TableGate<Row> {
  readonly #port: ChangePort<Row>
  readonly #ref: TableRef
  #parts: ChunkPart[] = []
  #router: KeyRouter | undefined
  #low: Offset | undefined
  #high: Offset | undefined

  constructor(port: ChangePort<Row>, ref: TableRef) {
    this.#port = port
    this.#ref = ref
  }

  get generation(): number {
    return this.#ref.generation
  }

  get isOpen(): boolean {
    return this.#router !== undefined
  }

  /** In key order, page by page, before it is opened. */
  addParts(parts: readonly ChunkPart[]): void {
    for (const part of parts) this.#addPart(part)
  }

  /** `order`: by which the parts are told apart. */
  async open(order: KeyOrder | undefined): Promise<void> {
    const bounds = this.#parts.slice(1).map((part) => part.from as KeyBound)
    this.#router = await this.#port.openRouter(this.#ref.table, bounds, order)
  }

  /** The log at this position has every change that any part shows. */
  isPassed(position: Offset): boolean {
    return this.#port.compareOffsets(position, present(this.#high, 'highest offset of a gate')) >= 0
  }

  /** Judges changes of this table, in order. */
  async judge(changes: readonly Change<Row>[], offsets: readonly Offset[]): Promise<Verdict<Row>[]> {
    const router = present(this.#router, 'router of an open gate')
    const rows = this.#toRoute(changes, offsets)
    const after = await router.route(rows.map((change) => change.key))
    const before = rows.some((change) => change.oldKey !== undefined)
      ? await router.route(rows.map((change) => change.oldKey ?? change.key))
      : after
    let row = 0
    return changes.map((change, index) => {
      const offset = offsets[index] as Offset
      if (!isOfRow(change)) return this.#judgeTable(change, offset)
      // Behind what is routed every part lets everything through, or the table starts over.
      if (change !== rows[row]) return change
      const verdict = this.#judgeRow(change, offset, before[row] as number, after[row] as number)
      row += 1
      return verdict
    })
  }

  /** Up to where all parts show the log, or the table starts over: what comes then may have keys of another kind. */
  #toRoute(changes: readonly Change<Row>[], offsets: readonly Offset[]): readonly Change<Row>[] {
    const rows: Change<Row>[] = []
    for (const [index, change] of changes.entries()) {
      const offset = offsets[index] as Offset
      if (this.#port.compareOffsets(offset, this.#high as Offset) > 0) break
      if (isOfRow(change)) rows.push(change)
      else if (this.#judgeTable(change, offset) === 'restart') break
    }
    return rows
  }

  async close(): Promise<void> {
    await this.#router?.close()
    this.#router = undefined
  }

  #addPart(part: ChunkPart): void {
    const { compareOffsets } = this.#port
    const last = this.#parts.at(-1)
    // Neighbours read at the same moment are one.
    if (last === undefined || compareOffsets.call(this.#port, last.high, part.high) !== 0) this.#parts.push(part)
    if (this.#low === undefined || this.#port.compareOffsets(part.high, this.#low) < 0) this.#low = part.high
    if (this.#high === undefined || this.#port.compareOffsets(part.high, this.#high) > 0) this.#high = part.high
  }

  #judgeTable(change: Change<Row>, offset: Offset): Verdict<Row> {
    if (this.#port.compareOffsets(offset, this.#low as Offset) <= 0) return 'drop'
    if (change.op === 't' && this.#port.compareOffsets(offset, this.#high as Offset) <= 0) return 'restart'
    return change
  }

  #judgeRow(change: Change<Row>, offset: Offset, beforePart: number, afterPart: number): Verdict<Row> {
    const afterPasses = change.after !== null && this.#passes(offset, afterPart)
    const beforePasses = change.before !== null && this.#passes(offset, beforePart)
    if (change.op !== 'u' || afterPasses === beforePasses) return afterPasses || beforePasses ? change : 'drop'
    const { source } = change
    if (afterPasses) return { op: 'c', before: null, after: change.after, key: change.key, source }
    return { op: 'd', before: change.before, after: null, key: change.oldKey ?? change.key, source }
  }

  #passes(offset: Offset, part: number): boolean {
    return this.#port.compareOffsets(offset, (this.#parts[part] as ChunkPart).high) > 0
  }
}

const isOfRow = ({ op }: Change<unknown>): boolean => op !== 't' && op !== 's'
