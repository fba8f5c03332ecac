// flattened: of each change the row as it is now, as Debezium's ExtractNewRecordState leaves it.

import { z } from 'zod'
import type { Collector, ProcessFunction } from '../../../contract/process-function.ts'
import type { Change } from '../../../record/change.ts'
import { parseOptions } from '../parse-options.ts'
import { EnvelopeFunction, nameOf, type TableOf, topicOf } from './envelope-function.ts'
import type { EnvelopeRecord } from './envelope-record.ts'
import { RowWriter } from './row-writer.ts'
import type { Decimals } from './value-text.ts'

/** A field that flattened() adds to each row, named with two underscores before it: `__op`. */
export type FlattenedField = 'op' | 'db' | 'table' | 'ts_ms' | 'position' | 'transaction'

/** Options of flattened. */
export interface FlattenedOptions {
  /** The source's name: topics are `name.database.table`. */
  readonly name: string
  /**
   * What becomes of a delete: nothing; the row it was, with `__deleted` (which every row then has) `"true"`; or a record with the key and
   * no value. Default `tombstone`.
   */
  readonly deleted?: 'drop' | 'field' | 'tombstone'
  /** Fields to add to each row (`add.fields`). Default none. */
  readonly fields?: readonly FlattenedField[]
  /** Default `string`. */
  readonly decimals?: Decimals
}

const shape = z.strictObject({
  name: z.string().min(1),
  deleted: z.enum(['drop', 'field', 'tombstone']).default('tombstone'),
  fields: z.array(z.enum(['op', 'db', 'table', 'ts_ms', 'position', 'transaction'])).default([]),
  decimals: z.enum(['string', 'number', 'precise']).default('string'),
})

type Settings = z.output<typeof shape>

/**
 * Each change as the JSON of its row alone: `.process('rows', flattened({ name: 'shop' }))`. Keys need the source's
 * `schemaChanges: true`, and this node the source's parallelism. Throws CONNECTOR_OPTION.
 */
export function flattened(options: FlattenedOptions): () => ProcessFunction<Change<unknown>, EnvelopeRecord> {
  const settings = parseOptions(shape, options, 'flattened')
  return () => new Flattened(settings)
}

const NO_HEADERS: Readonly<Record<string, string>> = {}

interface FlatTable {
  readonly topic: string
  readonly rows: RowWriter
}

class Flattened extends EnvelopeFunction<FlatTable> {
  readonly #settings: Settings

  constructor(settings: Settings) {
    super()
    this.#settings = settings
  }

  protected override makeTable({ source, schema }: TableOf): FlatTable {
    const { name, decimals } = this.#settings
    return {
      topic: topicOf(name, source.database, source.table),
      rows: new RowWriter({ table: nameOf(source), schema, decimals }),
    }
  }

  protected override change(change: Change<unknown>, table: FlatTable, out: Collector<EnvelopeRecord>): void {
    const { op, before, after, key, oldKey } = change
    if (op === 't') return
    if (op === 'd') return this.#gone(change, before, table.rows.key(key), table, out)
    if (oldKey !== undefined) this.#gone(change, before, table.rows.key(oldKey), table, out)
    this.#emit(table, table.rows.key(key), this.#value(change, after, 'false', table), out)
  }

  /** A message holds rows; of what columns they are is in each. */
  protected override schemaChange(): void {}

  #gone(
    change: Change<unknown>,
    row: unknown,
    key: string | null,
    table: FlatTable,
    out: Collector<EnvelopeRecord>,
  ): void {
    const { deleted } = this.#settings
    if (deleted === 'field') this.#emit(table, key, this.#value(change, row, 'true', table), out)
    if (deleted === 'tombstone' && key !== null) this.#emit(table, key, null, out)
  }

  #emit({ topic }: FlatTable, key: string | null, value: string | null, out: Collector<EnvelopeRecord>): void {
    out.emit({ topic, key, value, headers: NO_HEADERS })
  }

  #value({ op, source }: Change<unknown>, row: unknown, deleted: 'true' | 'false', { rows }: FlatTable): string {
    let more = ''
    for (const field of this.#settings.fields) more += `,"__${field}":${FIELDS[field](op, source)}`
    if (this.#settings.deleted === 'field') more += `,"__deleted":"${deleted}"`
    const text = rows.row(row)
    if (more === '') return text
    return text === '{}' ? `{${more.slice(1)}}` : `${text.slice(0, -1)}${more}}`
  }
}

type FieldText = (op: Change['op'], source: Change['source']) => string

const FIELDS: Readonly<Record<FlattenedField, FieldText>> = {
  op: (op) => `"${op}"`,
  db: (_op, { database }) => JSON.stringify(database),
  table: (_op, { table }) => JSON.stringify(table),
  ts_ms: (_op, { timestampMs }) => String(Math.trunc(timestampMs)),
  position: (_op, { position }) => JSON.stringify(position),
  transaction: (_op, { transaction }) => (transaction === undefined ? 'null' : JSON.stringify(transaction)),
}
