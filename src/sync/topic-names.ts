// What the topics of a sync are called.
//
//   PREFIX.sync                   how far it is: a few records
//   PREFIX.full.DATABASE.TABLE    the table as of one place in the log, and last a record that says which
//   PREFIX.DATABASE.TABLE         every change of the table from the start on

import { MillraceError } from '../errors.ts'

/** Kafka's own limit. */
const NAME_BYTES_MAX = 249

export type TopicKind = 'control' | 'full' | 'changes'

/** Whose topic: `table` is `DATABASE.TABLE` as in topic names. */
export interface SyncTopic {
  readonly kind: TopicKind
  readonly table: string
}

/** Names topics, and tells what a name is of. */
export class TopicNames {
  readonly control: string
  /** Matches every topic of the sync, and perhaps others. */
  readonly pattern: string
  readonly #prefix: string

  /** Throws CONNECTOR_OPTION for a prefix that cannot begin a topic's name. */
  constructor(prefix: string) {
    if (!/^[a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*$/.test(prefix)) {
      const reason = `"${prefix}" cannot begin the name of a topic: use letters, digits, "_", "-", and single dots between them`
      throw new MillraceError('CONNECTOR_OPTION', { path: 'prefix', connector: 'syncThroughKafka', reason })
    }
    this.#prefix = `${prefix}.`
    this.control = `${prefix}.sync`
    this.pattern = `${prefix}.*`
  }

  full(table: string): string {
    return this.#checked(`${this.#prefix}full.${table}`)
  }

  changes(table: string): string {
    return this.#checked(`${this.#prefix}${table}`)
  }

  /** Undefined for a topic that is none of this sync's. */
  read(topic: string): SyncTopic | undefined {
    if (topic === this.control) return { kind: 'control', table: '' }
    if (!topic.startsWith(this.#prefix)) return undefined
    const [first = '', second = '', third, ...more] = topic.slice(this.#prefix.length).split('.')
    if (third === undefined) return second === '' ? undefined : { kind: 'changes', table: `${first}.${second}` }
    return first === 'full' && more.length === 0 ? { kind: 'full', table: `${second}.${third}` } : undefined
  }

  #checked(name: string): string {
    if (name.length <= NAME_BYTES_MAX) return name
    const reason = `a topic would be called "${name}", and Kafka takes ${NAME_BYTES_MAX} characters: choose a shorter prefix`
    throw new MillraceError('CONNECTOR_OPTION', { path: 'prefix', connector: 'syncThroughKafka', reason })
  }
}

/** `DATABASE.TABLE` for topic names: what they cannot hold stands as the code point in hex, `a$b` as `a-24-b`. Different for different tables. */
export function tableInTopic({ database, table }: { readonly database: string; readonly table: string }): string {
  return `${encoded(database)}.${encoded(table)}`
}

function encoded(name: string): string {
  return name.replaceAll(/[^a-zA-Z0-9_]/gu, (char) => `-${char.codePointAt(0)?.toString(16)}-`)
}
