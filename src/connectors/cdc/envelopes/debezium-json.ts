// debeziumJson: changes as Debezium writes them for Kafka.

import { z } from 'zod'
import type { Collector, ProcessFunction } from '../../../contract/process-function.ts'
import type { Change, ChangeOp, ChangeSource } from '../../../record/change.ts'
import { parseOptions } from '../parse-options.ts'
import { envelopeSchema, sourceText, timesText } from './debezium-source.ts'
import { EnvelopeFunction, nameOf, type TableOf, topicOf } from './envelope-function.ts'
import type { EnvelopeRecord } from './envelope-record.ts'
import { RowWriter } from './row-writer.ts'
import { tableChange } from './table-changes.ts'
import type { Temporal } from './temporal-type.ts'
import { type SavedCounts, TransactionOrder } from './transaction-order.ts'
import type { Decimals } from './value-text.ts'

/** Options of debeziumJson. */
export interface DebeziumJsonOptions {
  /** The source's name (Debezium's `topic.prefix`): topics are `name.database.table`. */
  readonly name: string
  /** Each key and value as `{ schema, payload }`, with Kafka Connect's types (`schemas.enable`). Default false. */
  readonly schemas?: boolean
  /** A record with the key and no value behind each delete (`tombstones.on.delete`). Default true. */
  readonly tombstones?: boolean
  /** `decimal.handling.mode`; `number` is a JSON number with all digits. Default `string`. */
  readonly decimals?: Decimals
  /**
   * What dates and times are in the rows, for the schemas: what the source's option of that name is; `text` for Dates too, which become
   * Debezium's numbers. Default `text`.
   */
  readonly temporal?: Temporal
  /** Say of each change where in its transaction it stands (`provide.transaction.metadata`). Default false. */
  readonly transactions?: boolean
  /** A record to topic `name` for each record of op `s` (`include.schema.changes`). Default true. */
  readonly schemaChanges?: boolean
}

const shape = z.strictObject({
  name: z.string().min(1),
  schemas: z.boolean().default(false),
  tombstones: z.boolean().default(true),
  decimals: z.enum(['string', 'number', 'precise']).default('string'),
  temporal: z
    .enum(['text', 'adaptive_time_microseconds', 'connect', 'microseconds', 'nanoseconds', 'isostring'])
    .default('text'),
  transactions: z.boolean().default(false),
  schemaChanges: z.boolean().default(true),
})

type Settings = z.output<typeof shape>

/**
 * Changes as Debezium's JSON messages: `.process('envelope', debeziumJson({ name: 'shop' }))`. Keys need the source's
 * `schemaChanges: true`, and this node the source's parallelism. Throws CONNECTOR_OPTION.
 */
export function debeziumJson(options: DebeziumJsonOptions): () => ProcessFunction<Change<unknown>, EnvelopeRecord> {
  const settings = parseOptions(shape, options, 'debeziumJson')
  return () => new DebeziumJson(settings)
}

const NO_HEADERS: Readonly<Record<string, string>> = {}

class DebeziumJson extends EnvelopeFunction<DebeziumTable> {
  readonly #settings: Settings
  readonly #order = new TransactionOrder()
  #sourceOf: ChangeSource | undefined
  #source = ''

  constructor(settings: Settings) {
    super()
    this.#settings = settings
  }

  protected override makeTable(table: TableOf): DebeziumTable {
    return new DebeziumTable(table, this.#settings)
  }

  protected override snapshotMore(): unknown {
    return this.#settings.transactions ? this.#order.snapshot() : undefined
  }

  protected override restoreMore(states: readonly unknown[]): void {
    this.#order.restore(states as readonly SavedCounts[])
  }

  protected override change(change: Change<unknown>, table: DebeziumTable, out: Collector<EnvelopeRecord>): void {
    const { op, before, after, key, oldKey } = change
    if (op === 'u' && oldKey !== undefined) return this.#moved(change, oldKey, table, out)
    const keyText = op === 't' ? null : table.key(key)
    this.#emit(change, { op, before, after, key: keyText, headers: NO_HEADERS }, table, out)
    if (op === 'd') this.#tombstone(table, keyText, out)
  }

  protected override schemaChange(
    { source, schema }: Change<unknown>,
    _table: DebeziumTable,
    out: Collector<EnvelopeRecord>,
  ): void {
    if (!this.#settings.schemaChanges || schema === undefined) return
    const { name } = this.#settings
    const { database, table } = source
    const databaseName = JSON.stringify(database)
    const value =
      `{"source":${this.#sourceText(source)},${timesText(this.now())},"databaseName":${databaseName},"schemaName":null,` +
      `"ddl":${JSON.stringify(schema.definition ?? null)},"tableChanges":[${JSON.stringify(tableChange(database, table, schema))}]}`
    out.emit({ topic: topicOf(name), key: `{"databaseName":${databaseName}}`, value, headers: NO_HEADERS })
  }

  /** A key that changed: for whoever goes by keys, one row is gone and another is there. */
  #moved(
    change: Change<unknown>,
    oldKey: readonly unknown[],
    table: DebeziumTable,
    out: Collector<EnvelopeRecord>,
  ): void {
    const { before, after } = change
    const [was, is] = [table.key(oldKey), table.key(change.key)]
    const gone = { op: 'd', before, after: null, key: was, headers: { '__debezium.newkey': is ?? 'null' } } as const
    this.#emit(change, gone, table, out)
    this.#tombstone(table, was, out)
    const here = { op: 'c', before: null, after, key: is, headers: { '__debezium.oldkey': was ?? 'null' } } as const
    this.#emit(change, here, table, out)
  }

  #emit({ source }: Change<unknown>, event: Event, table: DebeziumTable, out: Collector<EnvelopeRecord>): void {
    const transaction = this.#settings.transactions ? this.#order.next(source.transaction, table.name) : 'null'
    const payload =
      `{"before":${table.row(event.before)},"after":${table.row(event.after)},"source":${this.#sourceText(source)},` +
      `"transaction":${transaction},"op":"${event.op}",${timesText(this.now())}}`
    out.emit({ topic: table.topic, key: event.key, value: table.value(payload), headers: event.headers })
  }

  #tombstone(table: DebeziumTable, key: string | null, out: Collector<EnvelopeRecord>): void {
    if (!this.#settings.tombstones || key === null) return
    out.emit({ topic: table.topic, key, value: null, headers: NO_HEADERS })
  }

  /** One text for all changes that share their source object, as those of one event of a log do. */
  #sourceText(source: ChangeSource): string {
    if (source !== this.#sourceOf) {
      this.#source = sourceText(source, this.#settings.name)
      this.#sourceOf = source
    }
    return this.#source
  }
}

interface Event {
  readonly op: ChangeOp
  readonly before: unknown
  readonly after: unknown
  readonly key: string | null
  readonly headers: Readonly<Record<string, string>>
}

/** Rows and keys of one table, in their schemas where these are asked for. */
class DebeziumTable {
  readonly topic: string
  readonly name: string
  readonly #connector: string
  readonly #typed: boolean
  readonly #rows: RowWriter
  #version = -1
  #valueHead = ''
  #keyHead = ''

  constructor({ source, schema }: TableOf, { name, schemas, decimals, temporal }: Settings) {
    this.topic = topicOf(name, source.database, source.table)
    this.name = nameOf(source)
    this.#connector = source.connector
    this.#typed = schemas
    this.#rows = new RowWriter({ table: this.name, schema, decimals, ...(schemas ? { temporal } : {}) })
  }

  row(row: unknown): string {
    return this.#rows.row(row)
  }

  key(key: readonly unknown[]): string | null {
    const text = this.#rows.key(key)
    if (!this.#typed || text === null) return text
    this.#describe()
    return `${this.#keyHead}${text}}`
  }

  value(payload: string): string {
    if (!this.#typed) return payload
    this.#describe()
    return `${this.#valueHead}${payload}}`
  }

  #describe(): void {
    const { version } = this.#rows
    if (version === this.#version) return
    this.#version = version
    const key = { type: 'struct', fields: this.#rows.keyFields(), optional: false, name: `${this.topic}.Key` }
    const value = envelopeSchema(this.#connector, this.topic, this.#rows.fields())
    this.#keyHead = `{"schema":${JSON.stringify(key)},"payload":`
    this.#valueHead = `{"schema":${JSON.stringify(value)},"payload":`
  }
}
