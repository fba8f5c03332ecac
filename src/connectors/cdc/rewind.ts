// Rewind: rows as they were at an earlier offset, from rows as they are and the log between.
//
// Why: a chunk read again after a failure is read at a later moment. A sink that keeps what it was given before the failure would
// never hear of a row that was deleted meanwhile: the second read does not show it, and the log is judged from the second read
// on. Given as of an offset before the first read, the chunk is followed by every change since, that delete included.
//
// Owns: for each key that changed since the offset, its row at the offset, and whether it is there now; what became of columns.
//
// I1. Rows are at the same offset as what `to()` was called with last.
// I2. A truncation leaves what was there before it unknown, but for rows that the log tells of; that does no harm, for the log repeats the
//     truncation, and a source that ends does so behind it (ExactPart.readAt).

import type { Change, ChangeSource, DroppedColumn, TableSchema } from '../../record/change.ts'
import { keyText } from './key-text.ts'
import { readRange } from './log-range.ts'
import { membership, type OrderedRange } from './membership.ts'
import type { ChangePort, Offset } from './port.ts'

interface Former<Row> {
  readonly key: readonly unknown[]
  /** Null if there was no such row. */
  readonly row: Row | null
  readonly schema: TableSchema
  /** Where the log tells of it. */
  readonly position: string
  present: boolean
}

/** Rows under the columns they had at the position of `source`. */
export interface Rows<Row> {
  readonly schema: TableSchema
  readonly rows: readonly Change<Row>[]
  readonly source: ChangeSource
}

export class Rewind<Row> {
  readonly #port: ChangePort<Row>
  readonly #table: string
  readonly #asOf: Offset
  readonly #former = new Map<string, Former<Row>>()
  #upTo: Offset
  /** Of columns renamed since the offset, by each name they had. */
  readonly #formerNames = new Map<string, readonly string[]>()
  /** Of columns added since the offset, by each name they had. */
  readonly #declared = new Map<string, string>()
  /** Of columns dropped since the offset, in that order. */
  #dropped: readonly DroppedColumn[] = []

  constructor(port: ChangePort<Row>, table: string, asOf: Offset) {
    this.#port = port
    this.#table = table
    this.#asOf = asOf
    this.#upTo = asOf
  }

  get asOf(): Offset {
    return this.#asOf
  }

  /** Takes in the log up to this offset, which never falls; at most pagesMax pages of it. True when it is there. */
  async to(offset: Offset, pagesMax: number): Promise<boolean> {
    const request = { table: this.#table, from: this.#upTo, to: offset, pagesMax }
    const { changes, upTo, behind, read } = await readRange(this.#port, request)
    for (const { change, schema } of changes) this.#takeIn(change, schema)
    if (behind !== undefined) this.#noteColumns(behind)
    for (const [was, name, told = this.#declared.get(was), timestampMs = 0] of this.#port.columnsUntold?.(
      this.#table,
      read,
    ) ?? []) {
      if (name === '') {
        this.#noteDropped([{ name: was, position: told ?? '', timestampMs }])
        continue
      }
      if (told !== undefined) this.#declared.set(name, told)
      if (was !== '') this.#formerNames.set(name, [...(this.#formerNames.get(was) ?? []), was])
    }
    this.#upTo = upTo
    return this.#port.compareOffsets(upTo, offset) >= 0
  }

  /** The rows of the range at the earlier offset. */
  async apply(range: OrderedRange, now: Rows<Row>): Promise<readonly Rows<Row>[]> {
    const rows: Change<Row>[] = []
    const former: Former<Row>[] = []
    for (const change of now.rows) {
      const known = this.#former.get(keyText(change.key))
      if (known === undefined) rows.push(change)
      else {
        // It may have come without the log (LogPage.replaced).
        known.present = true
        if (known.row !== null) former.push(known)
      }
    }
    former.push(...(await this.#goneFrom(range)))
    // Told first, it says under which names the others are to be found, and what they have in columns that came since: the log tells of
    // both only behind these rows.
    const present = { schema: this.#withHistory(now.schema), rows, source: now.source }
    const bySchema = new Map([[now.schema, present]])
    for (const { key, row, schema, position } of former) {
      // A sink has to see that these columns are older than the present ones.
      const group = bySchema.get(schema) ?? { schema, rows: [], source: { ...now.source, position } }
      bySchema.set(schema, group)
      group.rows.push({ op: 'r', before: null, after: row, key, source: group.source })
    }
    return [...bySchema.values()]
  }

  #takeIn(change: Change<Row>, schema: TableSchema): void {
    if (change.op === 't') {
      this.#formerNames.clear()
      this.#declared.clear()
      this.#dropped = []
      for (const former of this.#former.values()) former.present = false
    }
    this.#noteColumns(schema)
    const { before, after, key, oldKey, source } = change
    const { position } = source
    if (before !== null) this.#note({ key: oldKey ?? key, row: before, schema, position, present: false })
    if (after !== null) this.#note({ key, row: null, schema, position, present: true })
  }

  #noteDropped(columns: readonly DroppedColumn[]): void {
    for (const { name, position } of columns) {
      if (this.#dropped.some((known) => known.name === name && known.position === position)) continue
      this.#formerNames.delete(name)
      this.#declared.delete(name)
      this.#dropped = [...this.#dropped, ...columns.filter((one) => one.name === name && one.position === position)]
    }
  }

  #noteColumns({ columns, dropped = [] }: TableSchema): void {
    this.#noteDropped(dropped)
    for (const { name, formerNames = [], declared } of columns) {
      const names = [...formerNames, name]
      for (let n = 1; n < names.length; n++) this.#formerNames.set(names[n] as string, names.slice(0, n))
      const was = declared ?? this.#declaredOf(formerNames)
      if (was !== undefined) this.#declared.set(name, was)
    }
  }

  #declaredOf(names: readonly string[]): string | undefined {
    const name = names.find((one) => this.#declared.has(one))
    return name === undefined ? undefined : this.#declared.get(name)
  }

  #withHistory(schema: TableSchema): TableSchema {
    const columns = schema.columns.map((column) => {
      const formerNames = this.#formerNames.get(column.name)
      const declared = this.#declared.get(column.name)
      return {
        ...column,
        ...(formerNames !== undefined && { formerNames }),
        ...(declared !== undefined && { declared }),
      }
    })
    return { ...schema, columns, ...(this.#dropped.length > 0 && { dropped: this.#dropped }) }
  }

  /** The first note of a key tells what it was; the last one, whether it is there. */
  #note(noted: Former<Row>): void {
    const text = keyText(noted.key)
    const known = this.#former.get(text)
    if (known === undefined) this.#former.set(text, noted)
    else known.present = noted.present
  }

  /** Rows of the range that were there and are not any more. */
  async #goneFrom(range: OrderedRange): Promise<Former<Row>[]> {
    const gone = [...this.#former.values()].filter(({ row, present }) => row !== null && !present)
    if (gone.length === 0) return gone
    const isInside = await membership(
      this.#port,
      this.#table,
      range,
      gone.map(({ key }) => key),
    )
    return gone.filter((_, index) => isInside[index])
  }
}
