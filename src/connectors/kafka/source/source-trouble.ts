// SourceTrouble: what a failed fetch means for a partition, and how long it is tried again.
//
// Owns: since when each partition has failed, and how often.
// Does not own: asking again (fetcher).
//
// I1. A position is never changed here: what cannot be read from where it is ends the source, with the reason.

import type { RuntimeContext } from '../../../contract/runtime-context.ts'
import { isMillraceError, MillraceError, reasonOf } from '../../../errors.ts'
import { Backoff } from '../../sql/backoff.ts'
import { KafkaFailure } from '../client/failure.ts'
import type { KafkaClient } from '../client/kafka-client.ts'
import { listOffsets } from '../client/topics.ts'
import { type KafkaSplit, NO_TOPIC_ID } from './kafka-split.ts'

/** How long a topic that is not there is waited for: a broker that has just started may not know of it yet. */
const TOPIC_GRACE_MS = 10_000
/** Shorter troubles, such as a leader that moves, are the normal course of things. */
const SILENT_MS = 1000

const TOPIC_KINDS: ReadonlySet<string> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNKNOWN_TOPIC_ID',
  'INCONSISTENT_TOPIC_ID',
])

/** No restart mends these: who asks is not allowed to, or this broker cannot do it. */
const SETTING_KINDS: ReadonlySet<string> = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'INVALID_TOPIC_EXCEPTION',
  'UNSUPPORTED_VERSION',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
  'TLS',
])

interface Spell {
  readonly sinceMs: number
  readonly goOn: () => Promise<boolean>
}

export interface TroubleOptions {
  readonly context: RuntimeContext
  readonly client: KafkaClient
  readonly retryMaxMs: number
}

export class SourceTrouble {
  readonly #options: TroubleOptions
  readonly #backoff: Backoff
  readonly #spells = new Map<string, Spell>()
  /** Of the partitions that fail now, one was told of. */
  #warned = false

  constructor(options: TroubleOptions) {
    this.#options = options
    // Spreads the load of many partitions only; nothing that comes out depends on it.
    this.#backoff = new Backoff(options.context.clock, Math.random, options.retryMaxMs)
  }

  /** A partition could be fetched. */
  over(id: string): void {
    if (this.#spells.size === 0) return
    this.#spells.delete(id)
    if (this.#spells.size === 0) this.#warned = false
  }

  /** Waits, longer each time; then undefined if the partition is to be asked for again, else why it is not. */
  async retry({ id, topic }: KafkaSplit, error: unknown): Promise<unknown> {
    if (!(error instanceof KafkaFailure && error.retriable)) return error
    const { clock, logger } = this.#options.context
    let spell = this.#spells.get(id)
    if (spell === undefined) {
      spell = { sinceMs: clock.monotonic(), goOn: this.#backoff.start() }
      this.#spells.set(id, spell)
    }
    const passedMs = clock.monotonic() - spell.sinceMs
    if (TOPIC_KINDS.has(error.kind) && passedMs > TOPIC_GRACE_MS) return this.#deleted(topic, error)
    if (passedMs > SILENT_MS && !this.#warned) {
      this.#warned = true
      const partitions = this.#spells.size
      logger.warn('partitions cannot be fetched: trying again', { partitions, first: id, reason: error.message })
    }
    return (await spell.goOn()) ? undefined : error
  }

  /** What is wrong with a partition whose fetch failed. */
  async judge(split: KafkaSplit, offset: number, failure: KafkaFailure): Promise<unknown> {
    try {
      if (failure.kind === 'OFFSET_OUT_OF_RANGE') return await this.#outOfRange(split, offset, failure)
      if (TOPIC_KINDS.has(failure.kind)) return (await this.#madeAnew(split, offset)) ?? failure
      return failure
    } catch (error) {
      return error
    }
  }

  /** The log up to the position is not the one that was read: it was cut back to `end` and written anew. */
  diverged(split: KafkaSplit, offset: number, end: number): MillraceError {
    const reason = `the broker's log is another one behind offset ${end}: an unclean leader election lost records that were read from it`
    return this.#gone(split, offset, reason)
  }

  async #outOfRange(split: KafkaSplit, offset: number, failure: KafkaFailure): Promise<unknown> {
    const { client } = this.#options
    const anew = await this.#madeAnew(split, offset)
    if (anew !== undefined) return anew
    const earliest = (await listOffsets(client, [split], 'earliest')).get(split.id)?.offset ?? 0
    const latest = (await listOffsets(client, [split], 'latest', false)).get(split.id)?.offset ?? 0
    if (offset < earliest)
      return this.#gone(split, offset, `the partition begins at ${earliest} now, retention removed what is before`)
    if (offset > latest)
      return this.#gone(split, offset, `the partition ends at ${latest}: it was cut back, or its topic was made anew`)
    // Its leader may only just have become one.
    return new KafkaFailure(failure.code, failure.kind, true, failure.message)
  }

  async #madeAnew(split: KafkaSplit, offset: number): Promise<MillraceError | undefined> {
    const { topic, topicId, partition } = split
    const [found] = await this.#options.client.topicMetadata([topic])
    if (found === undefined) return undefined
    const isOther = topicId !== null && found.id !== NO_TOPIC_ID && found.id !== topicId
    if (!isOther && partition < found.partitions.length) return undefined
    return this.#gone(split, offset, `topic "${topic}" was deleted and made anew`)
  }

  #deleted(topic: string, cause: KafkaFailure): MillraceError {
    const reason = `topic "${topic}", or this partition of it, is not there any more: was it deleted? (${cause.message})`
    return new MillraceError('SOURCE_FAILED', { node: this.#options.context.node, reason }, cause)
  }

  #gone({ id }: KafkaSplit, offset: number, reason: string): MillraceError {
    return positionGone(this.#options.context.node, `offset ${offset} of ${id}`, reason)
  }
}

/** The error of a position that cannot be read on from. */
export function positionGone(node: string, place: string, reason: string): MillraceError {
  return new MillraceError('LOG_GONE', { node, place, reason })
}

/** The error that ends a source, for what the client gave. */
export function sourceError(error: unknown, node: string): MillraceError {
  if (isMillraceError(error)) return error
  const isSetting = error instanceof KafkaFailure && SETTING_KINDS.has(error.kind)
  return new MillraceError(isSetting ? 'SOURCE_SETTING' : 'SOURCE_FAILED', { node, reason: reasonOf(error) }, error)
}
