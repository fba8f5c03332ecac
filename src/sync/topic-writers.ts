// From changes and marks to records of topics. Both run in one subtask: what they write is in order, in a topic of one partition.

import type { Offset } from '../connectors/cdc/index.ts'
import { changes } from '../connectors/kafka/formats/changes.ts'
import type { WrittenRecord } from '../connectors/kafka/formats/format.ts'
import { type Collector, type ProcessContext, ProcessFunction } from '../contract/process-function.ts'
import type { Change, ChangeSource } from '../record/change.ts'
import { writeMark } from './mark.ts'
import type { Marked } from './marked-source.ts'
import { type TopicNames, tableInTopic } from './topic-names.ts'

/** Which topic a table's records go to: the last table is likely to be the next. */
class TopicOf {
  readonly #nameOf: (table: string) => string
  readonly #topics = new Map<string, Map<string, string>>()

  constructor(nameOf: (table: string) => string) {
    this.#nameOf = nameOf
  }

  get(source: ChangeSource): string {
    const { database, table } = source
    let topics = this.#topics.get(database)
    if (topics === undefined) {
      topics = new Map()
      this.#topics.set(database, topics)
    }
    let topic = topics.get(table)
    if (topic === undefined) {
      topic = this.#nameOf(tableOf(source))
      topics.set(table, topic)
    }
    return topic
  }
}

/** A table as in topic names. A SQLite file is the only database of its source, so it stands without its folder. */
function tableOf({ connector, database, table }: ChangeSource): string {
  return tableInTopic({ database: connector === 'sqlite' ? database.replace(/^.*[\\/]/, '') : database, table })
}

/** Every change to its table's topic, and to the control topic, once, that the source has begun. */
export class ChangesWriter<Row> extends ProcessFunction<Marked<Row>, WrittenRecord> {
  readonly #names: TopicNames
  readonly #topics: TopicOf
  readonly #format = changes<Row>()
  #told = false

  constructor(names: TopicNames) {
    super()
    this.#names = names
    this.#topics = new TopicOf((table) => names.changes(table))
  }

  override snapshotState(): boolean {
    return this.#told
  }

  override restoreState(states: readonly unknown[]): void {
    this.#told = states.includes(true)
  }

  override process(value: Marked<Row>, _context: ProcessContext, out: Collector<WrittenRecord>): void {
    if (!('mark' in value)) {
      const { key = null, value: bytes } = this.#format.write(value)
      out.emit({ topic: this.#topics.get(value.source), partition: 0, key, value: bytes })
    } else if (!this.#told) {
      this.#told = true
      out.emit(writeMark(this.#names.control, { type: 'begun' }))
    }
  }
}

interface FullState {
  readonly tables: readonly string[]
  readonly end: FullEnd | undefined
  readonly closed: boolean
}

interface FullEnd {
  readonly until: Offset
  readonly atMs: number
}

/** Every row to its table's full topic; at the end, last in each of them, which place in the log it is as of; and which tables they were. */
export class FullWriter<Row> extends ProcessFunction<Marked<Row>, WrittenRecord> {
  readonly #names: TopicNames
  readonly #part: { readonly part: number; readonly parts: number }
  readonly #topics: TopicOf
  readonly #format = changes<Row>()
  readonly #tables = new Set<string>()
  #end: FullEnd | undefined
  #closed = false

  constructor(names: TopicNames, part: { readonly part: number; readonly parts: number }) {
    super()
    this.#names = names
    this.#part = part
    this.#topics = new TopicOf((table) => {
      this.#tables.add(table)
      return names.full(table)
    })
  }

  override snapshotState(): FullState {
    return { tables: [...this.#tables], end: this.#end, closed: this.#closed }
  }

  override restoreState(states: readonly unknown[]): void {
    for (const { tables, end, closed } of states as readonly FullState[]) {
      for (const table of tables) this.#tables.add(table)
      this.#end ??= end
      this.#closed ||= closed
    }
  }

  override process(value: Marked<Row>, _context: ProcessContext, out: Collector<WrittenRecord>): void {
    if ('mark' in value) {
      if (value.mark === 'ended') this.#end ??= { until: value.until, atMs: value.atMs }
      return
    }
    const change: Change<Row> = value
    const { key = null, value: bytes } = this.#format.write(change)
    out.emit({ topic: this.#topics.get(change.source), partition: 0, key, value: bytes })
  }

  /** A job that is started again after its end comes here again. */
  override endOfInput(out: Collector<WrittenRecord>): void {
    if (this.#closed || this.#end === undefined) return
    this.#closed = true
    const { until, atMs } = this.#end
    const tables = [...this.#tables]
    for (const table of tables) out.emit(writeMark(this.#names.full(table), { type: 'done', until }))
    out.emit(writeMark(this.#names.control, { type: 'closed', ...this.#part, tables, atMs }))
  }
}
