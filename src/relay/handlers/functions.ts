// ProcessFunctions around a chain of handlers, for each of what records may be.

import { parseExactJson } from '../../codec/exact-json.ts'
import { exactJsonText } from '../../codec/json-text.ts'
import { changes } from '../../connectors/kafka/formats/changes.ts'
import { utf8Text } from '../../connectors/kafka/formats/utf8.ts'
import type { Format, KafkaRecord } from '../../connectors/kafka/index.ts'
import { type Collector, type ProcessContext, ProcessFunction } from '../../contract/process-function.ts'
import type { RuntimeContext } from '../../contract/runtime-context.ts'
import { isMillraceError, MillraceError, reasonOf } from '../../errors.ts'
import type { Change } from '../../record/change.ts'
import { ColumnMemory } from './column-memory.ts'
import { type Item, newItem } from './item.ts'
import { isNotice, retoldNotice } from './notices.ts'
import { chained, type Emit, type Stage } from './stage.ts'
import { idOf } from './table-plans.ts'

type MakeStages<T> = () => readonly ((emit: Emit<T>) => Stage<T>)[]

/** Plain rows: what is no object passes filters alone. */
export class RowsFunction extends ProcessFunction<unknown, unknown> {
  readonly #stages: MakeStages<Item>
  readonly #item: Item = newItem()
  #take: Emit<Item> = () => {}
  #out: Collector<unknown> | undefined

  constructor(stages: MakeStages<Item>) {
    super()
    this.#stages = stages
  }

  override open(): void {
    this.#take = chained(this.#stages(), ({ row }) => this.#out?.emit(row))
  }

  override process(row: unknown, _context: ProcessContext, out: Collector<unknown>): void {
    this.#out = out
    const item = this.#item
    item.whole = row
    item.row = row
    this.#take(item)
  }
}

/** Records of Kafka, their values as they are or of JSON. */
export class RecordsFunction extends ProcessFunction<KafkaRecord, KafkaRecord> {
  readonly #stages: MakeStages<Item>
  readonly #isJson: boolean
  #topics: string[] = []
  readonly #item = new RecordItem()
  #take: Emit<Item> = () => {}
  #out: Collector<KafkaRecord> | undefined

  constructor(stages: MakeStages<Item>, isJson: boolean) {
    super()
    this.#stages = stages
    this.#isJson = isJson
  }

  override open(): void {
    this.#take = chained(this.#stages(), (item) => {
      if (item.isNotice) this.#topics.push(item.topic)
      else this.#out?.emit(recordOf(item))
    })
  }

  override process(record: KafkaRecord, _context: ProcessContext, out: Collector<KafkaRecord>): void {
    if (isNotice(record)) {
      for (const notice of retoldNotice(record, (topic) => this.#topicsOf(topic))) out.emit(notice)
      return
    }
    this.#out = out
    const item = this.#item
    item.whole = record
    item.topic = record.topic
    item.isChanged = false
    item.unread = this.#isJson ? record : undefined
    this.#take(item)
  }

  /** The topics that records of one may come to be of. */
  #topicsOf(topic: string): readonly string[] {
    this.#topics = []
    this.#take({ ...newItem(), topic, isNotice: true })
    return [...new Set(this.#topics)]
  }
}

/** A record whose value is read when a handler asks for its columns: what none looks into may be anything. */
class RecordItem implements Item {
  whole: unknown
  topic = ''
  isChanged = false
  readonly isNotice = false
  #unread: KafkaRecord | undefined
  #row: unknown

  set unread(record: KafkaRecord | undefined) {
    this.#unread = record
    this.#row = undefined
  }

  get row(): unknown {
    const record = this.#unread
    if (record === undefined) return this.#row
    this.#unread = undefined
    if (record.value !== null) this.#row = jsonOf(record, record.value)
    return this.#row
  }

  set row(row: unknown) {
    this.#unread = undefined
    this.#row = row
  }
}

function recordOf(item: Item): KafkaRecord {
  const record = item.whole as KafkaRecord
  const { topic } = item
  if (!item.isChanged) return topic === record.topic ? record : { ...record, topic }
  return { ...record, topic, value: Buffer.from(exactJsonText(item.row) as string) }
}

function jsonOf(record: KafkaRecord, value: Buffer): unknown {
  try {
    return parseExactJson(utf8Text(value, 'the value'))
  } catch (error) {
    throw malformed(record, `not JSON: ${reasonOf(error)}`, error)
  }
}

function malformed({ topic, partition, offset }: KafkaRecord, reason: string, cause: unknown): MillraceError {
  return new MillraceError('RECORD_MALFORMED', { file: `${topic}/${partition}`, line: offset, reason }, cause)
}

/** Changes through a chain, and the columns of their tables over a restart. */
class ChangeChain {
  readonly #memory = new ColumnMemory()
  readonly #take: Emit<Change<unknown>>
  readonly #subtask: number
  /** Tables whose columns of before the restart do not fit the handlers. */
  readonly #unfit = new Map<string, MillraceError>()
  #emit: Emit<Change<unknown>> | undefined

  constructor(stages: MakeStages<Change<unknown>>, restored: readonly unknown[], subtask: number) {
    this.#subtask = subtask
    this.#take = chained(stages(), (change) => this.#emit?.(change))
    for (const record of this.#memory.restore(restored, subtask)) this.#recall(record)
  }

  take(change: Change<unknown>, emit: Emit<Change<unknown>>): void {
    const { op, source, schema } = change
    if (op === 's' && schema !== undefined) {
      this.#memory.told(source, schema)
      // Of a snapshot there may be rows of other places to come.
      if (!source.snapshot) this.#unfit.delete(idOf(source))
    } else if (this.#unfit.size > 0 && op !== 't') {
      const unfit = this.#unfit.get(idOf(source))
      if (unfit !== undefined) throw unfit
    }
    this.#emit = emit
    this.#take(change)
  }

  /** Takes in what was told before the restart; nobody is told again. */
  #recall(record: Change<unknown>): void {
    try {
      this.take(record, () => {})
    } catch (error) {
      if (!(isMillraceError(error) && error.code === 'SCHEMA_MISMATCH')) throw error
      // The handlers may be others now, for columns that are told next: it is wrong when a row of the former ones comes.
      this.#unfit.set(idOf(record.source), error)
    }
  }

  snapshot(): unknown {
    return this.#memory.snapshot(this.#subtask)
  }
}

abstract class ChainFunction<T> extends ProcessFunction<T, T> {
  readonly #stages: MakeStages<Change<unknown>>
  #restored: readonly unknown[] = []
  protected chain!: ChangeChain

  constructor(stages: MakeStages<Change<unknown>>) {
    super()
    this.#stages = stages
  }

  override restoreState(states: readonly unknown[]): void {
    this.#restored = states.filter((state) => state !== undefined && state !== null)
  }

  override open({ subtask }: RuntimeContext): void {
    this.chain = new ChangeChain(this.#stages, this.#restored, subtask)
    this.#restored = []
  }

  override snapshotState(): unknown {
    return this.chain.snapshot()
  }
}

/** Change objects. */
export class ChangesFunction extends ChainFunction<Change<unknown>> {
  #out: Collector<Change<unknown>> | undefined
  readonly #emit: Emit<Change<unknown>> = (change) => this.#out?.emit(change)

  override process(change: Change<unknown>, _context: ProcessContext, out: Collector<Change<unknown>>): void {
    this.#out = out
    this.chain.take(change, this.#emit)
  }
}

/** Records of Kafka with changes as changes() writes them. Tombstones and what is no such change are errors. */
export class ChangeRecordsFunction extends ChainFunction<KafkaRecord> {
  readonly #format: Format<Change<unknown>> = changes<unknown>()
  readonly #topicOf: (topic: string) => string
  readonly #read: Change<unknown>[] = []
  #out: Collector<KafkaRecord> | undefined
  #record!: KafkaRecord
  #change!: Change<unknown>
  readonly #emit: Emit<Change<unknown>> = (change) => this.#out?.emit(this.#written(change))

  constructor(stages: MakeStages<Change<unknown>>, topicOf: (topic: string) => string) {
    super(stages)
    this.#topicOf = topicOf
  }

  override process(record: KafkaRecord, _context: ProcessContext, out: Collector<KafkaRecord>): void {
    if (isNotice(record)) {
      for (const notice of retoldNotice(record, (topic) => [this.#topicOf(topic)])) out.emit(notice)
      return
    }
    const read = this.#read
    read.length = 0
    try {
      this.#format.read(record, read)
    } catch (error) {
      throw malformed(record, reasonOf(error), error)
    }
    this.#out = out
    this.#record = record
    this.#change = read[0] as Change<unknown>
    this.chain.take(this.#change, this.#emit)
  }

  #written(change: Change<unknown>): KafkaRecord {
    const record = this.#record
    const topic = this.#topicOf(record.topic)
    if (change === this.#change) return topic === record.topic ? record : { ...record, topic }
    const { key, value } = this.#format.write(change)
    return { ...record, topic, key: Buffer.from(key as string), value: value as Buffer }
  }
}
