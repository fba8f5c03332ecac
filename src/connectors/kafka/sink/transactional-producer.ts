// TransactionalProducer: the transactions of one transactional id, one at a time, as far as they can be known.
//
// Owns: the producer id, its epoch, and the state of the transaction (MOVES).
// Does not own: the records (batch-queue), what the marker means (epoch-writer).
//
// I1. A request of which no answer came leaves nothing to chance: the transaction is ended once more and the epoch is raised before
//     anything else is sent. What is still on its way of the old epoch is refused by then, whenever it arrives: a late EndTxn would
//     else end the next transaction.
// I2. Who raises the epoch says which one it had. If a successor has taken over meanwhile, that fails: a zombie never fences it.
// I3. From `unsure` and `broken` only recover() leads on; from `fenced` nothing does.

import { assert } from '../../../util/assert.ts'
import { failpoint } from '../../../util/failpoint.ts'
import type { KafkaApi } from '../client/api.ts'
import { addOffsetsToTxn } from '../client/apis/add-offsets-to-txn.ts'
import { addPartitionsToTxn } from '../client/apis/add-partitions-to-txn.ts'
import { endTxn, type TransactionOf } from '../client/apis/end-txn.ts'
import { initProducerId, type ProducerIdentity } from '../client/apis/init-producer-id.ts'
import { txnOffsetCommit } from '../client/apis/txn-offset-commit.ts'
import { failureOf, KafkaFailure } from '../client/failure.ts'
import type { KafkaClient } from '../client/kafka-client.ts'
import { byTopic, type TopicPartition } from '../client/topic-partition.ts'

/** Each state, and those it may go to. */
export const MOVES = {
  /** No producer id was asked for. */
  new: ['ready'],
  /** No transaction is open. */
  ready: ['open', 'fenced'],
  /** Something was added to the transaction, or may have been. */
  open: ['ending', 'broken', 'fenced'],
  /** The commit was sent. */
  ending: ['ready', 'unsure', 'fenced'],
  /** The commit was sent, and may have been done. */
  unsure: ['ready', 'fenced'],
  /** The transaction must not be committed: a part of it failed, or may have. */
  broken: ['ready', 'fenced'],
  /** Another producer has taken the transactional id. */
  fenced: [],
} as const satisfies Record<string, readonly string[]>

export type ProducerState = keyof typeof MOVES

/** Runs the work again while it fails in a way that passes. */
export type Retry = <R>(what: string, work: () => Promise<R>) => Promise<R>

export interface TransactionalProducerOptions {
  readonly client: KafkaClient
  readonly transactionalId: string
  readonly timeoutMs: number
  readonly retry: Retry
}

/** An offset that is committed with the transaction. */
export interface OffsetInTransaction {
  readonly groupId: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly metadata: string
}

/** A request of a transaction was sent, and no answer came. Not a KafkaFailure: it must not be sent again as it is. */
class AnswerLost extends Error {}

const NO_PRODUCER: ProducerIdentity = { id: -1, epoch: -1 }
const NO_ANSWER = -2
const OPERATION_NOT_ATTEMPTED = 55
const COORDINATOR_GONE: readonly string[] = ['COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR']
const FENCED: readonly string[] = ['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED']
/** Nothing is open, or the broker has forgotten the id: the epoch that is asked for next settles it. */
const NOTHING_OPEN: readonly string[] = ['INVALID_TXN_STATE', 'INVALID_PRODUCER_ID_MAPPING']
const WORTH_ANOTHER: readonly string[] = [
  ...NOTHING_OPEN,
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'TRANSACTION_ABORTABLE',
]

/** Whether another producer of the same transactional id has taken over, or the broker has aborted the transaction by itself. */
export function isFenced(error: unknown): error is KafkaFailure {
  return error instanceof KafkaFailure && FENCED.includes(error.kind)
}

/** Whether the transaction may succeed if it is done over. */
export function isWorthAnother(error: unknown): boolean {
  return error instanceof AnswerLost || (error instanceof KafkaFailure && WORTH_ANOTHER.includes(error.kind))
}

export class TransactionalProducer {
  readonly #options: TransactionalProducerOptions
  readonly #name: string
  #identity = NO_PRODUCER
  #state: ProducerState = 'new'
  /** Partitions in the open transaction. */
  readonly #added = new Set<string>()

  constructor(options: TransactionalProducerOptions) {
    this.#options = options
    this.#name = `"${options.transactionalId}"`
  }

  get state(): ProducerState {
    return this.#state
  }

  get identity(): ProducerIdentity {
    return this.#identity
  }

  /** Ends what a predecessor left open, and fences it. Throws KafkaFailure. */
  async init(): Promise<void> {
    await this.#renew(NO_PRODUCER)
  }

  /** Makes sure that nothing of the last transaction is open or on its way any more. Throws KafkaFailure, also of being fenced. */
  async recover(): Promise<void> {
    const committed = this.#state === 'unsure'
    const what = `${committed ? 'Committing' : 'Aborting'} the transaction of ${this.#name}`
    await this.#noting(() =>
      this.#options.retry(what, async () => {
        try {
          await this.#ask(what, endTxn, { ...this.#own, committed })
        } catch (error) {
          if (!(error instanceof KafkaFailure && NOTHING_OPEN.includes(error.kind))) throw error
        }
      }),
    )
    await this.#renew(this.#identity)
  }

  /** Takes partitions into the transaction, before a batch for them is sent. */
  async enlist(partitions: readonly TopicPartition[]): Promise<void> {
    const fresh = partitions.filter((place) => !this.#added.has(textOf(place)))
    if (fresh.length === 0) return
    const what = `Adding ${fresh.length === 1 ? 'a partition' : `${fresh.length} partitions`} to the transaction of ${this.#name}`
    await this.#step(what, () => this.#add(fresh, what))
    for (const place of fresh) this.#added.add(textOf(place))
    failpoint('kafka.txn.begun')
  }

  /** Commits an offset with the transaction. */
  async commitOffset(offset: OffsetInTransaction): Promise<void> {
    const { groupId } = offset
    const what = `Writing the marker of ${this.#name}`
    await this.#step(what, () => this.#ask(what, addOffsetsToTxn, { ...this.#own, groupId }))
    await this.#step(what, () => this.#ask(what, txnOffsetCommit, { ...this.#own, ...offset }, groupId))
  }

  /** Commits the transaction. A throw leaves it `unsure`, or `fenced`. */
  async commit(): Promise<void> {
    const what = `Committing the transaction of ${this.#name}`
    this.#go('ending')
    await this.#step(what, () => this.#ask(what, endTxn, { ...this.#own, committed: true }))
    this.#added.clear()
    this.#go('ready')
  }

  /** The open transaction, if any, is not going to be committed. */
  breakOff(): void {
    if (this.#state === 'open') this.#go('broken')
  }

  /** Aborts what is not going to be committed, if that can be done at once: readers would wait for it until it times out. */
  async abort(): Promise<void> {
    if (this.#state !== 'broken') return
    const what = `Aborting the transaction of ${this.#name}`
    // Whether it was done is found out by recover(), or by a successor.
    await this.#ask(what, endTxn, { ...this.#own, committed: false }).catch(() => {})
  }

  get #own(): TransactionOf {
    return { transactionalId: this.#options.transactionalId, producer: this.#identity }
  }

  /** One step of a transaction: sent again while the broker refuses it for now, but not when it did not answer. */
  async #step(what: string, work: () => Promise<void>): Promise<void> {
    if (this.#state === 'ready') this.#go('open')
    await this.#noting(() =>
      this.#options.retry(what, async () => {
        try {
          await work()
        } catch (error) {
          if (error instanceof KafkaFailure && error.code === NO_ANSWER && error.retriable)
            throw new AnswerLost(error.message, { cause: error })
          throw error
        }
      }),
    )
  }

  /** Notes what a failure says of the transaction. */
  async #noting(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (isFenced(error)) this.#go('fenced')
      else if (this.#state === 'ending') this.#go('unsure')
      else this.breakOff()
      throw error
    }
  }

  async #renew({ id, epoch }: ProducerIdentity): Promise<void> {
    const { client, transactionalId, timeoutMs, retry } = this.#options
    const what = `Asking for the producer id of ${this.#name}`
    const request = { transactionalId, transactionTimeoutMs: timeoutMs, producerId: id, producerEpoch: epoch }
    await this.#noting(() =>
      retry(what, async () => {
        const answer = await client.send(
          await client.coordinator('transaction', transactionalId),
          initProducerId,
          request,
        )
        this.#throwIfFailed(answer.code, what, transactionalId)
        this.#identity = { id: answer.id, epoch: answer.epoch }
      }),
    )
    this.#added.clear()
    this.#go('ready')
  }

  async #add(partitions: readonly TopicPartition[], what: string): Promise<void> {
    const { client, transactionalId } = this.#options
    const topics = byTopic(partitions, ({ partition }) => partition)
    const node = await client.coordinator('transaction', transactionalId)
    const answer = await client.send(node, addPartitionsToTxn, { ...this.#own, topics })
    const failed = answer.filter(({ code }) => code !== 0)
    const first = failed.find(({ code }) => code !== OPERATION_NOT_ATTEMPTED) ?? failed[0]
    if (first !== undefined)
      this.#throwIfFailed(
        first.code,
        `${what}, partition ${first.partition} of topic "${first.topic}"`,
        transactionalId,
      )
  }

  /** One request to the coordinator of the transaction, or of a group. */
  async #ask<Q>(
    what: string,
    api: KafkaApi<Q, { readonly code: number }>,
    request: Q,
    groupId?: string,
  ): Promise<void> {
    const { client, transactionalId } = this.#options
    const kind = groupId === undefined ? 'transaction' : 'group'
    const id = groupId ?? transactionalId
    const { code } = await client.send(await client.coordinator(kind, id), api, request)
    this.#throwIfFailed(code, what, id, kind)
  }

  #throwIfFailed(code: number, what: string, id: string, kind: 'transaction' | 'group' = 'transaction'): void {
    if (code === 0) return
    const failure = failureOf(code, what)
    if (COORDINATOR_GONE.includes(failure.kind)) this.#options.client.staleCoordinator(kind, id)
    throw failure
  }

  #go(state: ProducerState): void {
    const moves: readonly ProducerState[] = MOVES[this.#state]
    // Two requests at once may fail of the same.
    if (state === this.#state && state === 'fenced') return
    assert(moves.includes(state), `a transactional producer goes from ${this.#state} to ${state}`)
    this.#state = state
  }
}

function textOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
