// What handlers are told: plain data, so that a job and a configuration file say it alike.

import type { Decimal } from '../../util/decimal.ts'

/**
 * What the records are: `rows`, plain objects; `changes`, Change objects; `records`, Kafka records whose value is left as it is;
 * `json-records` and `change-records`, Kafka records whose value is JSON, or a Change as changes() writes it.
 */
export type HandledAs = 'rows' | 'changes' | 'records' | 'json-records' | 'change-records'

/** What a column is compared with. `decimal`: all digits of a number; `hex`: bytes. */
export type Literal =
  | string
  | number
  | boolean
  | bigint
  | Date
  | Decimal
  | { readonly decimal: string }
  | { readonly hex: string }

/** What a condition may look at beside columns: of a Kafka record the first four, of a change the others. */
export type HandledField = 'topic' | 'key' | 'partition' | 'timestampMs' | 'database' | 'table' | 'op'

/** Comparisons with one column, field or header, all of which must hold. By SQL's logic: with null nothing but `null` is true or false. */
export interface Comparison {
  readonly column?: string
  readonly field?: HandledField
  /** Of a Kafka record: the last header of this name, as text. */
  readonly header?: string
  readonly '='?: Literal
  readonly '!='?: Literal
  readonly '>'?: Literal
  readonly '<'?: Literal
  readonly '>='?: Literal
  readonly '<='?: Literal
  readonly in?: readonly Literal[]
  /** `%` stands for any characters, `_` for one; case counts. */
  readonly like?: string
  /** Before a `%`, a `_` or itself in `like`: the character as it is. Default `\`. */
  readonly escape?: string
  /** true: is null or not there; false: is not null. */
  readonly null?: boolean
}

/** Which records are meant. */
export type Condition =
  | Comparison
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition }

/** Which columns go on: these, in this order, or all but these. */
export type Projection = { readonly columns: readonly string[] } | { readonly exclude: readonly string[] }

/**
 * Names, former to new. In `tables` (`database.table`) and `topics` the former one is a pattern with `*` and `?`, the first that fits counts,
 * and `*` in the new one stands for the present name (of the database, of the table, of the topic).
 */
export interface Renaming {
  readonly columns?: Readonly<Record<string, string>>
  readonly tables?: Readonly<Record<string, string>>
  readonly topics?: Readonly<Record<string, string>>
}

/** Where a secret is. */
export type MaskSecret = { readonly env: string } | { readonly file: string }

/**
 * What stands in place of a value that is not null: null; a constant; the HMAC-SHA-256 of its text in hex, under a secret of at least 16
 * bytes; its text with `*` for all but the last characters.
 */
export type Mask =
  | 'null'
  | { readonly constant: string | number | boolean }
  | { readonly hash: MaskSecret }
  | { readonly keepLast: number }

/** Masks by column. */
export type Masks = Readonly<Record<string, Mask>>

/** Where records go: as the first rule says whose condition is true, else `otherwise` (default `*`; null: nowhere). */
export interface Routing {
  readonly rules: readonly { readonly when: Condition; readonly to: string }[]
  /** As `to`: `database.table` of a change, the topic of a Kafka record; `*` stands for the present name. */
  readonly otherwise?: string | null
}

interface Selection {
  /** Patterns of `database.table`, or of topics, with `*`, `?` and `!` to leave out: others pass as they are. Default: all. */
  readonly only?: readonly string[]
}

/** One handler. */
export type HandlerSpec = Selection &
  (
    | { readonly filter: Condition }
    | { readonly project: Projection }
    | { readonly rename: Renaming }
    | { readonly mask: Masks }
    | { readonly route: Routing }
  )

/** A handler's parts, checked: exactly one beside `only` is there. */
export interface ParsedHandler extends Selection {
  readonly filter?: Condition | undefined
  readonly project?: { readonly columns?: readonly string[]; readonly exclude?: readonly string[] } | undefined
  readonly rename?: Renaming | undefined
  readonly mask?: Masks | undefined
  readonly route?: Routing | undefined
  /** For messages: `handlers[2]`. */
  readonly path: string
}
