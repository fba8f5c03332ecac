// `millrace relay offsets`: where the consumer groups of another site go on in this cluster.

import { readFileSync } from 'node:fs'
import { tablePattern } from '../../connectors/cdc/table-pattern.ts'
import { KafkaFailure } from '../../connectors/kafka/client/failure.ts'
import { commitOffsets, committedOffsets } from '../../connectors/kafka/client/group-offsets.ts'
import type { KafkaClient } from '../../connectors/kafka/client/kafka-client.ts'
import type { TopicPartition } from '../../connectors/kafka/client/topic-partition.ts'
import { listOffsets } from '../../connectors/kafka/client/topics.ts'
import { allGroups, offsetsOf } from '../../connectors/kafka/reports/group-list.ts'
import { flagOf, withClient } from '../../connectors/kafka/reports/report-client.ts'
import { topicOf } from '../../connectors/kafka/sink/topic-names.ts'
import type { MakeReport, ReportRequest, ReportTable } from '../../contract/report.ts'
import { MillraceError, reasonOf } from '../../errors.ts'
import { keptOffsets } from './group-offsets-topic.ts'
import { findOffset } from './offset-search.ts'
import { recordsFrom } from './partition-log.ts'
import { GROUP_OFFSETS_TOPIC } from './sites.ts'

const NAME = 'millrace relay offsets'
/** Partitions searched at once. */
const AT_ONCE = 16

/** An offset that a group has committed at another site, by the topic's name here. */
interface OriginOffset extends TopicPartition {
  readonly site: string
  readonly group: string
  readonly origin: number
  /** When it was asked for there. */
  readonly atMs: number
}

/** Where a group goes on here. */
export interface GroupPosition extends OriginOffset {
  /** The first record here that the group has not had; null where there is no such partition. */
  readonly offset: number | null
  /** Records that it had there and that are not here yet, at most: they will come behind `offset`, and be read again. Null: not known. */
  readonly missing: number | null
  /** What the group has committed here; null for nothing. */
  readonly committed: number | null
  readonly result: 'not asked' | 'committed' | 'there already' | 'further' | 'no partition' | 'has members'
}

/**
 * Connects to the target. Flags: `group` (patterns), `site`, `topic` (patterns of names here); `from`, the brokers of the source or a file
 * of its connection, which is asked in place of what the relay has brought (then `site` and, where topics were renamed, `rename FROM=TO`
 * are needed); `offsets-topic`; `commit`, `force`. Throws CONNECTOR_OPTION, IO.
 */
export const offsetsReport: MakeReport = async (request) => {
  const origins = request.flags.from === undefined ? undefined : await atTheSource(request)
  const positions = await withClient(request, NAME, async (client) => {
    const found = selected(request, origins ?? (await atTheTarget(client, request)))
    const positions = await positionsOf(client, found)
    return isSet(request, 'commit') ? commit(client, positions, isSet(request, 'force')) : positions
  })
  return { tables: [tableOf(positions)], data: { offsets: positions } }
}

const isSet = ({ flags }: ReportRequest, name: string): boolean => flags[name]?.at(-1) === 'true'

function selected({ flags }: ReportRequest, origins: readonly OriginOffset[]): OriginOffset[] {
  const [isGroup, isTopic] = [tablePattern(flags.group, NAME), tablePattern(flags.topic, NAME)]
  const site = flags.site?.at(-1)
  return origins
    .filter((one) => isGroup(one.group) && isTopic(one.topic) && (site === undefined || one.site === site))
    .sort((a, b) => compare(a.group, b.group) || compare(a.topic, b.topic) || a.partition - b.partition)
}

/** What the relay has brought. */
async function atTheTarget(client: KafkaClient, request: ReportRequest): Promise<OriginOffset[]> {
  const place = { topic: flagOf(request, 'offsets-topic', GROUP_OFFSETS_TOPIC), partition: 0 }
  if (!(await client.topics([place.topic])).has(place.topic)) return []
  const { first, end } = await rangeOf(client, [place]).then((ranges) => ranges(place))
  const records = []
  for await (const record of recordsFrom(client, place, first, end)) records.push(record)
  return keptOffsets(records).flatMap(({ site, group, topic, offsets, atMs }) =>
    offsets.map(([partition, origin]) => ({ site, group, topic, partition, origin, atMs })),
  )
}

/** What the living source says. */
async function atTheSource(request: ReportRequest): Promise<OriginOffset[]> {
  const { flags } = request
  const site = flags.site?.at(-1)
  if (site === undefined) throw wrong('site', 'with --from it must be said whose records are looked for')
  const nameOf = renaming(flags.rename ?? [])
  return withClient({ ...request, connection: sourceConnection(flags.from?.at(-1) ?? '') }, NAME, async (client) => {
    const isGroup = tablePattern(flags.group, NAME)
    const offsets = await offsetsOf(client, (await allGroups(client)).filter(isGroup))
    const atMs = Date.now()
    return offsets.map(({ group, topic, partition, offset }) => {
      return { site, group, topic: nameOf(topic), partition, origin: offset, atMs }
    })
  })
}

function sourceConnection(from: string): Readonly<Record<string, unknown>> {
  if (/:\d+$/.test(from)) return { brokers: from }
  try {
    return JSON.parse(readFileSync(from, 'utf8')) as Record<string, unknown>
  } catch (error) {
    throw wrong('from', `neither HOST:PORT,… nor a file with the options of a connection: ${reasonOf(error)}`)
  }
}

function renaming(flags: readonly string[]): (topic: string) => string {
  const pairs = flags.map((flag) => flag.split('=') as [string, string])
  for (const pair of pairs) if (pair.length !== 2) throw wrong('rename', "expected FROM=TO, such as '*=paris.*'")
  const named = topicOf<never>(Object.fromEntries(pairs))
  return (topic) => named(undefined as never, { topic, value: null }) ?? topic
}

async function positionsOf(client: KafkaClient, origins: readonly OriginOffset[]): Promise<GroupPosition[]> {
  const sizes = await client.topics([...new Set(origins.map(({ topic }) => topic))])
  const isThere = ({ topic, partition }: TopicPartition): boolean => partition < (sizes.get(topic)?.partitions ?? 0)
  const rangeAt = await rangeOf(client, origins.filter(isThere))
  const committed = new Map<string, Awaited<ReturnType<typeof committedOffsets>>>()
  for (const group of new Set(origins.map((one) => one.group)))
    committed.set(group, await committedOffsets(client, group))
  const position = async (one: OriginOffset): Promise<GroupPosition> => {
    const own = committed.get(one.group)?.get(`${one.topic}/${one.partition}`)?.offset ?? null
    if (!isThere(one)) return { ...one, offset: null, missing: null, committed: own, result: 'no partition' }
    const read = (from: number, end: number) => recordsFrom(client, one, from, end)
    const found = await findOffset({ ...rangeAt(one), read }, one.site, one.origin)
    return { ...one, ...found, committed: own, result: 'not asked' }
  }
  const found: GroupPosition[] = []
  for (let at = 0; at < origins.length; at += AT_ONCE)
    found.push(...(await Promise.all(origins.slice(at, at + AT_ONCE).map(position))))
  return found
}

/** From where to where each partition can be read now. */
async function rangeOf(client: KafkaClient, partitions: readonly TopicPartition[]) {
  const [first, end] = await Promise.all([
    listOffsets(client, partitions, 'earliest'),
    listOffsets(client, partitions, 'latest'),
  ])
  return ({ topic, partition }: TopicPartition): { readonly first: number; readonly end: number } => {
    const id = `${topic}/${partition}`
    return { first: first.get(id)?.offset ?? 0, end: end.get(id)?.offset ?? 0 }
  }
}

/** Only groups without members can be set: the broker refuses others, in the same moment. */
async function commit(
  client: KafkaClient,
  positions: readonly GroupPosition[],
  force: boolean,
): Promise<GroupPosition[]> {
  const done: GroupPosition[] = []
  for (const group of new Set(positions.map((one) => one.group))) {
    const planned = positions.filter((one) => one.group === group).map((one) => ({ ...one, result: plan(one, force) }))
    const wanted = planned.flatMap(({ topic, partition, offset, result }) =>
      result === 'committed' && offset !== null ? [{ topic, partition, offset }] : [],
    )
    const isSet = wanted.length === 0 || (await trySetting(client, group, wanted))
    done.push(
      ...planned.map((one) => (isSet || one.result !== 'committed' ? one : { ...one, result: 'has members' as const })),
    )
  }
  return done
}

/** What is to be done with one. */
function plan({ offset, committed }: GroupPosition, force: boolean): GroupPosition['result'] {
  if (offset === null) return 'no partition'
  if (offset === committed) return 'there already'
  return committed === null || committed < offset || force ? 'committed' : 'further'
}

async function trySetting(
  client: KafkaClient,
  group: string,
  offsets: Parameters<typeof commitOffsets>[2],
): Promise<boolean> {
  try {
    await commitOffsets(client, group, offsets)
    return true
  } catch (error) {
    if (error instanceof KafkaFailure && error.kind === 'UNKNOWN_MEMBER_ID') return false
    throw error
  }
}

function tableOf(positions: readonly GroupPosition[]): ReportTable {
  return {
    title: 'Offsets of groups',
    columns: [
      'group',
      'site',
      'partition',
      'offset there',
      'as of',
      'goes on here at',
      'not here yet',
      'committed here',
      'result',
    ],
    rows: positions.map(({ group, site, topic, partition, origin, atMs, offset, missing, committed, result }) => [
      ...[group, site, `${topic}/${partition}`, String(origin), { atMs }],
      offset === null ? null : String(offset),
      missing === null ? '?' : missing,
      committed === null ? null : String(committed),
      result === 'not asked' ? '' : result,
    ]),
    none: 'No offsets of groups: the sending side tells them with the option groups, or ask the source itself with --from.',
  }
}

function wrong(path: string, reason: string): MillraceError {
  return new MillraceError('CONNECTOR_OPTION', { path: `--${path}`, connector: NAME, reason })
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
