// Rows, and records of Kafka, on their way through handlers.

import type { KafkaRecord } from '../../connectors/kafka/index.ts'
import { MillraceError, reasonOf } from '../../errors.ts'
import { type ColumnWork, ObjectPlans, plannedRow } from './column-plan.ts'
import type { Readers } from './condition.ts'
import { filled, firstFit, nameTest } from './name-map.ts'
import { compileRoutes, NOWHERE, type Routes, type TargetOf } from './routes.ts'
import type { HandledField } from './spec.ts'
import { type Emit, ownField, type Stage } from './stage.ts'

/** One thing under way: there is one at a time, used again for the next. */
export interface Item {
  /** The record of Kafka, or the row itself. */
  whole: unknown
  /** Where columns are; undefined where there is no value (a tombstone). */
  row: unknown
  /** Of a record of Kafka: the topic it is of by now. */
  topic: string
  /** The row is not the one that came. */
  isChanged: boolean
  /** It tells of a topic, and stands for all that may come of it. */
  isNotice: boolean
}

const fields: Readonly<Record<Exclude<HandledField, 'database' | 'table' | 'op'>, (record: KafkaRecord) => unknown>> = {
  topic: ({ topic }) => topic,
  key: ({ key }) => (key === null ? null : key.toString()),
  partition: ({ partition }) => partition,
  timestampMs: ({ timestampMs }) => timestampMs,
}

/** Columns are fields of the row. `topicOf`: the topic that a record has by now. */
export function itemReaders(topicOf: () => string): Readers {
  return {
    column: (name) => (row) => ownField(row, name),
    field: (name) => {
      if (name === 'topic') return topicOf
      const read = fields[name as 'key']
      return (whole) => read(whole as KafkaRecord)
    },
    header: (name) => (whole) => {
      const { headers } = whole as KafkaRecord
      for (let i = headers.length - 1; i >= 0; i -= 1) if (headers[i]?.[0] === name) return headers[i]?.[1]?.toString()
      return null
    },
  }
}

/** An item to use again and again. */
export function newItem(): Item {
  return { whole: undefined, row: undefined, topic: '', isChanged: false, isNotice: false }
}

/** Filters and routes. A tombstone goes to every target that the record it deletes may be in. */
export class ItemRouting implements Stage<Item> {
  readonly #routes: Routes
  readonly #isMeant: (topic: string) => boolean
  readonly #targetOf: TargetOf
  readonly #emit: Emit<Item>
  #topic = ''

  constructor(routes: Routes, only: readonly string[] | undefined, emit: Emit<Item>) {
    this.#routes = routes
    this.#isMeant = nameTest(only)
    this.#targetOf = compileRoutes(
      routes,
      itemReaders(() => this.#topic),
    )
    this.#emit = emit
  }

  take(item: Item): void {
    if (!this.#isMeant(item.topic)) return this.#emit(item)
    const { usesColumns, usesTopicOnly } = this.#routes
    if (item.isNotice ? !usesTopicOnly : usesColumns && item.row === undefined) return this.#toAll(item)
    this.#topic = item.topic
    const target = this.#targetOf(usesColumns ? item.row : undefined, item.whole)
    if (target === NOWHERE) return
    item.topic = filled(this.#routes.targets[target] as string, item.topic)
    this.#emit(item)
  }

  #toAll(item: Item): void {
    const topics = new Set(this.#routes.targets.map((target) => filled(target, item.topic)))
    for (const topic of topics) this.#emit({ ...item, topic })
  }
}

/** Projections, renamings and masks. */
export class ItemColumns implements Stage<Item> {
  readonly #plans: ObjectPlans
  readonly #path: string
  readonly #isMeant: (topic: string) => boolean
  readonly #emit: Emit<Item>

  constructor(work: ColumnWork, only: readonly string[] | undefined, emit: Emit<Item>) {
    this.#plans = new ObjectPlans(work)
    this.#path = work.path
    this.#isMeant = nameTest(only)
    this.#emit = emit
  }

  take(item: Item): void {
    // The row is asked for only where it is worked on: it may be no JSON elsewhere.
    const row = this.#isMeant(item.topic) ? item.row : undefined
    if (row !== undefined) {
      if (typeof row !== 'object' || row === null || Array.isArray(row))
        throw this.#mismatch(item, 'expected an object with columns')
      try {
        item.row = plannedRow(this.#plans.of(row), row)
      } catch (error) {
        throw this.#mismatch(item, reasonOf(error))
      }
      item.isChanged = true
    }
    this.#emit(item)
  }

  #mismatch({ topic }: Item, reason: string): MillraceError {
    return new MillraceError('SCHEMA_MISMATCH', {
      table: topic === '' ? '(rows)' : topic,
      reason: `${this.#path}: ${reason}`,
    })
  }
}

/** Topics under other names. */
export class ItemNames implements Stage<Item> {
  readonly #emit: Emit<Item>
  readonly #topics: TopicNames

  constructor(names: Readonly<Record<string, string>>, only: readonly string[] | undefined, emit: Emit<Item>) {
    this.#emit = emit
    this.#topics = new TopicNames(names, only)
  }

  take(item: Item): void {
    item.topic = this.#topics.of(item.topic)
    this.#emit(item)
  }
}

/** New names of topics, each looked up once as long as it comes again and again. */
export class TopicNames {
  readonly #fit: (topic: string) => string | undefined
  readonly #isMeant: (topic: string) => boolean
  #last: string | undefined
  #renamed = ''

  constructor(names: Readonly<Record<string, string>>, only: readonly string[] | undefined) {
    this.#fit = firstFit(names)
    this.#isMeant = nameTest(only)
  }

  of(topic: string): string {
    if (topic === this.#last) return this.#renamed
    const to = this.#isMeant(topic) ? this.#fit(topic) : undefined
    this.#renamed = to === undefined ? topic : filled(to, topic)
    this.#last = topic
    return this.#renamed
  }
}
