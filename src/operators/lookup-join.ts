// LookupJoinOperator: each record with the row of its key in a table elsewhere, as it is when it is asked for.
//
// Owns: the cache. Does not own: the table; timeouts and repeated calls (Retries).
//
// I1. Records come out in the order they came in: a batch is complete before the next is begun, and so before any barrier.
// I2. A batch asks about a key once at most, however many of its records have it.
// I3. What the cache holds is no state: after a restore it is empty.

import type { CallContext } from '../contract/async-function.ts'
import type { Operator, OperatorContext, Output } from '../contract/operator.ts'
import type { Counter } from '../contract/runtime-context.ts'
import type { Batch } from '../record/batch.ts'
import { checkCount, checkDuration } from '../time/window.ts'
import { type Key, mapKeyOf } from '../util/key-group.ts'
import { userError, userErrorIn } from '../util/user-error.ts'
import { BatchCollector } from './collector.ts'
import type { JoinFunction } from './join-type.ts'
import { LruCache } from './lru-cache.ts'
import { type CallOptions, checkCallOptions, Retries } from './retries.ts'

/** How long what was looked up is used again. */
export interface LookupCacheOptions {
  readonly entriesMax: number
  readonly ttlMs: number
  /** Remember also that a key has no row. Default true. */
  readonly negative?: boolean
}

interface LookupBase<T, K extends Key, Type extends 'inner' | 'left'> extends CallOptions {
  /** The key to look up. Undefined or null: the record has none, and so no row. */
  readonly key: (value: T) => K | undefined | null
  /** Does a record without a row come out? Default inner: no. */
  readonly type?: Type
  /** Default: every batch asks anew. */
  readonly cache?: LookupCacheOptions
}

interface LookupOne<K, Row> {
  /** The row of one key; undefined or null if there is none. */
  readonly lookup: (key: K, context: CallContext) => Promise<Row | undefined | null>
  /** How many keys are asked about side by side in one subtask. Default 16. */
  readonly concurrency?: number
}

interface LookupMany<K, Row> {
  /** The rows of these keys, which all differ, in their order; undefined or null where there is none. */
  readonly lookupMany: (keys: readonly K[], context: CallContext) => Promise<readonly (Row | undefined | null)[]>
  /** How many keys at once. Default 1,000. */
  readonly keysMax?: number
}

/** Options of a lookup join: how a key's row is found, one at a time or many. */
export type LookupJoinOptions<T, K extends Key, Row, Type extends 'inner' | 'left'> = LookupBase<T, K, Type> &
  (LookupOne<K, Row> | LookupMany<K, Row>)

/** As the operator sees the options of any lookup join. */
export type AnyLookupJoinOptions = LookupJoinOptions<unknown, Key, unknown, 'inner' | 'left'>

type MapKey = ReturnType<typeof mapKeyOf>

/** Throws CONFIG_INVALID, which names the node and the option. */
export function checkLookupOptions(node: string, options: AnyLookupJoinOptions): void {
  checkCallOptions(node, options)
  const { cache } = options
  if (cache !== undefined) {
    checkCount(node, 'cache.entriesMax', cache.entriesMax)
    checkDuration(node, 'cache.ttlMs', cache.ttlMs)
  }
  if ('lookup' in options && options.concurrency !== undefined) checkCount(node, 'concurrency', options.concurrency)
  if ('lookupMany' in options && options.keysMax !== undefined) checkCount(node, 'keysMax', options.keysMax)
}

const CONCURRENCY = 16
const KEYS_MAX = 1_000

/** See the head of this file. */
export class LookupJoinOperator implements Operator {
  readonly #node: string
  readonly #options: AnyLookupJoinOptions
  readonly #rowOf: JoinFunction
  readonly #collector: BatchCollector<unknown>
  #cache: LruCache<MapKey, unknown> | undefined
  #retries: Retries | undefined
  #hits: Counter | undefined
  #asked: Counter | undefined

  constructor(node: string, options: AnyLookupJoinOptions, rowOf: JoinFunction) {
    this.#node = node
    this.#options = options
    this.#rowOf = rowOf
    this.#collector = new BatchCollector(node)
  }

  open(context: OperatorContext): void {
    const { cache } = this.#options
    if (cache !== undefined) this.#cache = new LruCache({ ...cache, now: () => context.clock.monotonic() })
    this.#retries = new Retries(context, this.#options)
    this.#hits = context.metrics.counter('lookupCacheHits')
    this.#asked = context.metrics.counter('lookupsAsked')
  }

  process(batch: Batch, out: Output): void | Promise<void> {
    const keys = this.#keysOf(batch.values)
    /** The rows of this batch: the cache may have let go of them before their turn. */
    const rows = new Map<MapKey, unknown>()
    const missing = this.#missing(keys, rows)
    if (missing.length === 0) return this.#emit(batch, keys, rows, out)
    this.#asked?.add(missing.length)
    return this.#ask(missing, rows).then(() => this.#emit(batch, keys, rows, out))
  }

  close(): void {
    this.#retries?.close(new Error(`node "${this.#node}" is closed`))
  }

  #keysOf(values: readonly unknown[]): readonly (Key | undefined | null)[] {
    const { key } = this.#options
    let i = 0
    try {
      const keys = new Array<Key | undefined | null>(values.length)
      for (; i < values.length; i += 1) keys[i] = key(values[i])
      return keys
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
  }

  /** Those that the cache does not know, each once; the others' rows go into `rows`. */
  #missing(keys: readonly (Key | undefined | null)[], rows: Map<MapKey, unknown>): Key[] {
    const missing: Key[] = []
    for (const key of keys) {
      if (key === undefined || key === null) continue
      const mapKey = mapKeyOf(key)
      if (rows.has(mapKey)) continue
      const cached = this.#cache?.has(mapKey) === true
      rows.set(mapKey, cached ? this.#cache?.get(mapKey) : undefined)
      if (cached) this.#hits?.add()
      else missing.push(key)
    }
    return missing
  }

  async #ask(keys: readonly Key[], rows: Map<MapKey, unknown>): Promise<void> {
    const options = this.#options
    const [size, concurrency] =
      'lookup' in options ? [1, options.concurrency ?? CONCURRENCY] : [options.keysMax ?? KEYS_MAX, 1]
    let next = 0
    const askOn = async (): Promise<void> => {
      while (next < keys.length) {
        const some = keys.slice(next, next + size)
        next += size
        const found = await this.#found(some)
        for (const [i, key] of some.entries()) this.#keep(mapKeyOf(key), found[i] ?? undefined, rows)
      }
    }
    await Promise.all(Array.from({ length: Math.min(concurrency, Math.ceil(keys.length / size)) }, askOn))
  }

  async #found(keys: readonly Key[]): Promise<readonly unknown[]> {
    const options = this.#options
    const retries = this.#retries as Retries
    try {
      if ('lookup' in options) return [await retries.run((context) => options.lookup(keys[0] as Key, context))]
      return await retries.run(async (context) => {
        const rows = await options.lookupMany(keys, context)
        if (rows.length === keys.length) return rows
        throw new Error(
          `lookupMany answered ${rows.length} rows to ${keys.length} keys: expected one each, undefined where there is none`,
        )
      })
    } catch (error) {
      throw userErrorIn(
        this.#node,
        `the lookup of ${keys.length === 1 ? `key ${String(keys[0])}` : `${keys.length} keys`}`,
        error,
      )
    }
  }

  #keep(key: MapKey, row: unknown, rows: Map<MapKey, unknown>): void {
    rows.set(key, row)
    if (row !== undefined || this.#options.cache?.negative !== false) this.#cache?.set(key, row)
  }

  #emit(
    { values, timestamps }: Batch,
    keys: readonly (Key | undefined | null)[],
    rows: ReadonlyMap<MapKey, unknown>,
    out: Output,
  ): void {
    const outer = this.#options.type === 'left'
    this.#collector.begin(out)
    let i = 0
    try {
      for (; i < values.length; i += 1) {
        const key = keys[i]
        const row = key === undefined || key === null ? undefined : rows.get(mapKeyOf(key))
        if (row === undefined && !outer) continue
        this.#collector.timestamp = timestamps?.[i]
        this.#collector.emit(this.#rowOf(values[i], row))
      }
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
    this.#collector.end()
  }
}
