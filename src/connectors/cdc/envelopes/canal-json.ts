// canalJson: changes as canal's flat messages, one row each.

import { z } from 'zod'
import type { Collector, ProcessFunction } from '../../../contract/process-function.ts'
import { MillraceError } from '../../../errors.ts'
import type { Change, TableSchema } from '../../../record/change.ts'
import { parseOptions } from '../parse-options.ts'
import { declaredType } from './declared-type.ts'
import { EnvelopeFunction, nameOf, type TableOf, topicOf } from './envelope-function.ts'
import type { EnvelopeRecord } from './envelope-record.ts'
import { RowWriter } from './row-writer.ts'
import { sqlTypeOf } from './sql-type.ts'

/** Options of canalJson. */
export interface CanalJsonOptions {
  /** Put before `database.table` to make a topic's name. Default: nothing. */
  readonly name?: string
}

const shape = z.strictObject({ name: z.string().min(1).optional() })

/**
 * Changes as canal's flat messages: `.process('envelope', canalJson())`. Needs the source's `schemaChanges: true`, and this node the
 * source's parallelism. Throws CONNECTOR_OPTION.
 */
export function canalJson(options: CanalJsonOptions = {}): () => ProcessFunction<Change<unknown>, EnvelopeRecord> {
  const { name } = parseOptions(shape, options, 'canalJson')
  return () => new CanalJson(name)
}

const NO_HEADERS: Readonly<Record<string, string>> = {}
const QUOTE = 0x22
const TYPES = { r: 'INSERT', c: 'INSERT', u: 'UPDATE', d: 'DELETE' } as const

class CanalJson extends EnvelopeFunction<CanalTable> {
  readonly #name: string | undefined
  #id = 0

  constructor(name: string | undefined) {
    super()
    this.#name = name
  }

  protected override makeTable(table: TableOf): CanalTable {
    return new CanalTable(table, this.#name)
  }

  protected override snapshotMore(): unknown {
    return this.#id === 0 ? undefined : this.#id
  }

  protected override restoreMore(states: readonly unknown[]): void {
    this.#id = Math.max(0, ...(states as readonly number[]))
  }

  protected override change(change: Change<unknown>, table: CanalTable, out: Collector<EnvelopeRecord>): void {
    const { op, before, after } = change
    if (op === 's') return
    if (op === 't') {
      const sql = `TRUNCATE TABLE ${change.source.database}.${change.source.table}`
      return this.#emit(change, { type: 'TRUNCATE', sql, data: 'null', old: 'null', key: null }, table, out)
    }
    const [data, old] =
      op === 'u' && before !== null ? table.update(before, after) : [table.row(op === 'd' ? before : after), 'null']
    const event = { type: TYPES[op], sql: '', data: `[${data}]`, old, key: table.key(change.key) }
    this.#emit(change, event, table, out)
  }

  protected override schemaChange(change: Change<unknown>, table: CanalTable, out: Collector<EnvelopeRecord>): void {
    const sql = change.schema?.definition ?? ''
    this.#emit(change, { type: 'CREATE', sql, data: 'null', old: 'null', key: null }, table, out)
  }

  #emit({ source }: Change<unknown>, event: Event, table: CanalTable, out: Collector<EnvelopeRecord>): void {
    this.#id += 1
    const isDdl = event.type === 'TRUNCATE' || event.type === 'CREATE'
    const value =
      `{"data":${event.data},"database":${table.database},"es":${Math.trunc(source.timestampMs)},` +
      `"gtid":${JSON.stringify(source.transaction ?? '')},"id":${this.#id},"isDdl":${isDdl},${table.types},"old":${event.old},` +
      `"sql":${JSON.stringify(event.sql)},"table":${table.table},"ts":${this.now()},"type":"${event.type}"}`
    out.emit({ topic: table.topic, key: event.key, value, headers: NO_HEADERS })
  }
}

interface Event {
  readonly type: 'INSERT' | 'UPDATE' | 'DELETE' | 'TRUNCATE' | 'CREATE'
  readonly sql: string
  readonly data: string
  readonly old: string
  readonly key: string | null
}

/** The names of a table's columns and types, once; its rows as text. */
class CanalTable {
  readonly topic: string
  readonly database: string
  readonly table: string
  readonly types: string
  readonly #rows: RowWriter

  constructor({ source, schema }: TableOf, name: string | undefined) {
    const table = nameOf(source)
    if (schema === undefined) {
      const reason =
        'nothing told its columns: set schemaChanges: true of its source, and give this node the source’s parallelism'
      throw new MillraceError('SCHEMA_MISMATCH', { table, reason })
    }
    this.topic = topicOf(...(name === undefined ? [] : [name]), source.database, source.table)
    this.database = JSON.stringify(source.database)
    this.table = JSON.stringify(source.table)
    this.types = typesText(schema)
    this.#rows = new RowWriter({ table, schema, decimals: 'string' })
  }

  key(key: readonly unknown[]): string | null {
    return this.#rows.key(key)
  }

  row(row: unknown): string {
    return this.#object(this.#texts(row))
  }

  /** The row as it is, and the list of what was changed of it, as that was. */
  update(before: unknown, after: unknown): [row: string, old: string] {
    const is = this.#texts(after)
    const row = this.#object(is)
    const labels = this.#rows.labels
    const was = this.#texts(before)
    // Rows of other columns than each other's: then all of it was otherwise.
    const all = this.#rows.labels !== labels
    let old = ''
    for (let i = 0; i < was.length; i += 1)
      if (all || was[i] !== is[i]) old += `${this.#rows.labels[i]?.slice(i > 0 && old === '' ? 1 : 0)}${was[i]}`
    return [row, `[{${old}}]`]
  }

  #object(texts: readonly string[]): string {
    const labels = this.#rows.labels
    let text = '{'
    for (let i = 0; i < texts.length; i += 1) text += `${labels[i]}${texts[i]}`
    return `${text}}`
  }

  /** canal has every value as a string, or null. */
  #texts(row: unknown): readonly string[] {
    const texts = this.#rows.texts(row)
    for (let i = 0; i < texts.length; i += 1) {
      const text = texts[i] as string
      if (text.charCodeAt(0) !== QUOTE && text !== 'null') texts[i] = `"${text}"`
    }
    return texts
  }
}

function typesText({ columns, key }: TableSchema): string {
  const mysqlType = columns.map(({ name, type }) => `${JSON.stringify(name)}:${JSON.stringify(type)}`)
  const sqlType = columns.map(({ name, type }) => `${JSON.stringify(name)}:${sqlTypeOf(declaredType(type))}`)
  const pkNames = key.length === 0 ? 'null' : JSON.stringify(key)
  return `"mysqlType":{${mysqlType.join(',')}},"pkNames":${pkNames},"sqlType":{${sqlType.join(',')}}`
}
