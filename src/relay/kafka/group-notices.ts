// GroupNotices: looks from time to time at what groups of the source have committed, and tells what is new.
//
// Owns: what was told of each group and topic, what waits to be told.
// Does not own: when it is told (the reader).
//
// I1. One look at a time; what waits is that of one look at most.
// I2. A look that fails is a warning, and the next one is as far away as ever: records do not wait for it.

import type { KafkaClient } from '../../connectors/kafka/client/kafka-client.ts'
import { allGroups, offsetsOf } from '../../connectors/kafka/reports/group-list.ts'
import type { RuntimeContext } from '../../contract/runtime-context.ts'
import { reasonOf } from '../../errors.ts'
import type { GroupNotice } from './relayed-kafka.ts'

export interface GroupNoticesOptions {
  readonly client: KafkaClient
  readonly context: RuntimeContext
  readonly isGroup: (group: string) => boolean
  readonly isTopic: (topic: string) => boolean
  readonly intervalMs: number
  /** Something waits. */
  readonly onNews: () => void
}

export class GroupNotices {
  readonly #options: GroupNoticesOptions
  readonly #told = new Map<string, string>()
  #waiting: readonly GroupNotice[] = []
  #looking: Promise<void> = Promise.resolve()
  #cancel: () => void = () => {}
  #closed = false

  constructor(options: GroupNoticesOptions) {
    this.#options = options
    this.#look()
  }

  /** What is new since the last call. */
  take(): readonly GroupNotice[] {
    const waiting = this.#waiting
    this.#waiting = []
    return waiting
  }

  /** A last look, for an input that ends. */
  async last(): Promise<void> {
    await this.#looking
    this.#cancel()
    this.#look()
    await this.#looking
  }

  close(): void {
    this.#closed = true
    this.#cancel()
  }

  #look(): void {
    this.#looking = this.#find()
      .then((found) => {
        if (found.length === 0) return
        this.#waiting = [...this.#waiting, ...found]
        this.#options.onNews()
      })
      .catch((error: unknown) => {
        if (!this.#closed)
          this.#options.context.logger.warn('offsets of groups are not known', { reason: reasonOf(error) })
      })
      .finally(() => this.#schedule())
  }

  #schedule(): void {
    if (this.#closed) return
    const { context, intervalMs } = this.#options
    this.#cancel = context.clock.schedule(intervalMs, () => {
      // What waits is told first: the reader is busy, and would hear of the same again.
      if (this.#waiting.length > 0) this.#schedule()
      else this.#look()
    })
  }

  async #find(): Promise<GroupNotice[]> {
    const { client, context, isGroup, isTopic } = this.#options
    const groups = (await allGroups(client)).filter(isGroup)
    const atMs = context.clock.now()
    const byPlace = new Map<string, { group: string; topic: string; offsets: [number, number][] }>()
    for (const { group, topic, partition, offset } of await offsetsOf(client, groups)) {
      if (!isTopic(topic)) continue
      const place = `${topic}/${group}`
      const known = byPlace.get(place) ?? { group, topic, offsets: [] }
      known.offsets.push([partition, offset])
      byPlace.set(place, known)
    }
    const news = [...byPlace].filter(([place, { offsets }]) =>
      this.#isNew(place, JSON.stringify(offsets.sort(byNumber))),
    )
    return news.map(([, found]) => ({ kind: 'group', ...found, atMs }))
  }

  #isNew(place: string, offsets: string): boolean {
    if (this.#told.get(place) === offsets) return false
    this.#told.set(place, offsets)
    return true
  }
}

const byNumber = ([a]: readonly [number, number], [b]: readonly [number, number]): number => a - b
