// Where partitions begin and end for a job that starts afresh: the options, looked up at the brokers.

import { committedOffsets } from '../client/group-offsets.ts'
import type { KafkaClient } from '../client/kafka-client.ts'
import type { TopicPartition } from '../client/topic-partition.ts'
import { listOffsets, type OffsetTime } from '../client/topics.ts'
import { splitId } from './kafka-split.ts'
import { type KafkaSourceSettings, type OffsetsByPartition, wrong } from './options.ts'
import { positionGone } from './source-trouble.ts'

type Settings = Pick<KafkaSourceSettings<unknown>, 'startup' | 'bounded' | 'groupId' | 'isolation'>

/** Offsets by `topic/partition`. */
export type Offsets = ReadonlyMap<string, number>

/** Looks offsets up for one source. */
export class OffsetLookup {
  readonly #client: KafkaClient
  readonly #settings: Settings
  readonly #node: string

  constructor(client: KafkaClient, settings: Settings, node: string) {
    this.#client = client
    this.#settings = settings
    this.#node = node
  }

  /** Another start, a moment later, may begin elsewhere. */
  get dependsOnTheMoment(): boolean {
    const { startup } = this.#settings
    if (typeof startup === 'string') return startup === 'latest'
    if ('committedOr' in startup) return startup.committedOr === 'latest'
    return 'timestampMs' in startup || startup.otherwise === 'latest'
  }

  /** The first record wanted of each partition. Throws CONNECTOR_OPTION, LOG_GONE, KafkaFailure. */
  async start(partitions: readonly TopicPartition[]): Promise<Offsets> {
    const { startup } = this.#settings
    if (startup === 'earliest' || startup === 'latest') return this.#list(partitions, startup)
    if (startup === 'committed') return this.#committed(partitions, 'earliest')
    if ('committedOr' in startup) return this.#committed(partitions, startup.committedOr)
    if ('timestampMs' in startup) return this.#since(partitions, startup.timestampMs)
    return this.#given(partitions, startup.offsets, startup.otherwise ?? 'earliest')
  }

  /** The first records there are. */
  earliest(partitions: readonly TopicPartition[]): Promise<Offsets> {
    return this.#list(partitions, 'earliest')
  }

  /** Where each partition ends for a job that has an end, exclusive; without a bound, where it ends now. Throws CONNECTOR_OPTION, KafkaFailure. */
  async stop(partitions: readonly TopicPartition[]): Promise<Offsets> {
    const { bounded = 'latest' } = this.#settings
    if (bounded === 'latest') return this.#list(partitions, 'latest')
    if ('timestampMs' in bounded) return this.#since(partitions, bounded.timestampMs)
    const named = namedOffsets(partitions, bounded.offsets, 'bounded')
    const others = partitions.filter(({ topic, partition }) => !named.has(splitId(topic, partition)))
    return new Map([...named, ...(await this.#list(others, 'latest'))])
  }

  /** As of one moment: with read_committed, `latest` is in front of the first transaction that is not ended. */
  async #list(partitions: readonly TopicPartition[], at: OffsetTime): Promise<Offsets> {
    if (partitions.length === 0) return new Map()
    const found = await listOffsets(this.#client, partitions, at, this.#settings.isolation === 'read_committed')
    return new Map([...found].map(([id, { offset }]) => [id, offset]))
  }

  async #since(partitions: readonly TopicPartition[], timestampMs: number): Promise<Offsets> {
    const ends = await this.#list(partitions, 'latest')
    const found = await this.#list(partitions, { timestampMs })
    return new Map([...ends].map(([id, end]) => [id, atOrEnd(found.get(id), end)]))
  }

  async #committed(partitions: readonly TopicPartition[], otherwise: 'earliest' | 'latest' | 'fail'): Promise<Offsets> {
    const group = this.#settings.groupId as string
    const committed = await committedOffsets(this.#client, group, partitions)
    const has = ({ topic, partition }: TopicPartition): boolean => committed.has(splitId(topic, partition))
    const rest = partitions.filter((one) => !has(one))
    const [first] = rest
    if (first !== undefined && otherwise === 'fail')
      throw wrong('startup', `group "${group}" has committed nothing for ${splitId(first.topic, first.partition)}`)
    const found = new Map([...committed].map(([id, { offset }]) => [id, offset]))
    await this.#checkRange(partitions.filter(has), found, (id, offset, range) => {
      throw positionGone(
        this.#node,
        `offset ${offset} of ${id}`,
        `group "${group}" has committed it, and the partition has ${range}`,
      )
    })
    return new Map([...found, ...(otherwise === 'fail' ? [] : await this.#list(rest, otherwise))])
  }

  async #given(
    partitions: readonly TopicPartition[],
    offsets: OffsetsByPartition,
    otherwise: 'earliest' | 'latest',
  ): Promise<Offsets> {
    const named = namedOffsets(partitions, offsets, 'startup')
    const isNamed = ({ topic, partition }: TopicPartition): boolean => named.has(splitId(topic, partition))
    await this.#checkRange(partitions.filter(isNamed), named, (id, offset, range) => {
      throw wrong(
        `startup.offsets.${id.replace('/', '.')}`,
        `offset ${offset} is not in partition ${id}, which has ${range}`,
      )
    })
    return new Map([
      ...named,
      ...(await this.#list(
        partitions.filter((one) => !isNamed(one)),
        otherwise,
      )),
    ])
  }

  /** Calls `outside` for an offset that is in front of its partition's first record or behind its end. */
  async #checkRange(
    partitions: readonly TopicPartition[],
    offsets: Offsets,
    outside: (id: string, offset: number, range: string) => never,
  ): Promise<void> {
    const earliest = await this.#list(partitions, 'earliest')
    const latest = await listOffsets(this.#client, partitions, 'latest', false)
    for (const { topic, partition } of partitions) {
      const id = splitId(topic, partition)
      const [offset, first, end] = [offsets.get(id) ?? 0, earliest.get(id) ?? 0, latest.get(id)?.offset ?? 0]
      if (offset < first || offset > end) outside(id, offset, `offsets from ${first}, and ends before ${end}`)
    }
  }
}

/** What an option says of partitions, all of which must be read. */
function namedOffsets(
  partitions: readonly TopicPartition[],
  offsets: OffsetsByPartition,
  option: string,
): Map<string, number> {
  const ids = new Set(partitions.map(({ topic, partition }) => splitId(topic, partition)))
  const named = new Map<string, number>()
  for (const [topic, byPartition] of Object.entries(offsets)) {
    for (const [partition, offset] of Object.entries(byPartition)) {
      const id = splitId(topic, Number(partition))
      if (!ids.has(id))
        throw wrong(
          `${option}.offsets.${topic}.${partition}`,
          'there is no such partition, or it is not one of those read',
        )
      named.set(id, offset)
    }
  }
  return named
}

/** -1: there is no record of that time or later. */
function atOrEnd(offset: number | undefined, end: number): number {
  return offset === undefined || offset < 0 ? end : offset
}
