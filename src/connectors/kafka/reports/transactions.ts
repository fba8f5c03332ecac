// `millrace kafka transactions JOB`: the transactions of a job's sinks, whose open ones hold its readers back, and where those are.

import type { MakeReport, ReportTable } from '../../../contract/report.ts'
import { describeProducers } from '../client/apis/describe-producers.ts'
import { describeTransactions, type TransactionDescription } from '../client/apis/describe-transactions.ts'
import { type ListedTransaction, listTransactions } from '../client/apis/list-transactions.ts'
import { throwIfFailed } from '../client/failure.ts'
import type { KafkaClient } from '../client/kafka-client.ts'
import { byTopic, type TopicPartition, throwListed } from '../client/topic-partition.ts'
import { groupByLeader, listOffsets } from '../client/topics.ts'
import { allGroups, offsetsOf } from './group-list.ts'
import { markersOf } from './markers.ts'
import { flagOf, fromAllNodes, withClient } from './report-client.ts'

/** A transactional id of the job. */
export interface JobTransaction {
  readonly id: string
  readonly state: string
  readonly producerId: number
  readonly producerEpoch: number
  readonly timeoutMs: number
  /** Null: none is open. */
  readonly startedMs: number | null
  readonly partitions: readonly TopicPartition[]
}

/** An open transaction in a partition that the job's sinks write: read_committed readers see nothing behind `from`. */
export interface OpenTransaction extends TopicPartition {
  /** Null: the principal may not see it. */
  readonly id: string | null
  readonly ofJob: boolean
  readonly producerId: number
  readonly producerEpoch: number
  /** Its first offset there. */
  readonly from: number
  readonly lastWriteMs: number
  /** The end for readers of read_committed, and that for all others. */
  readonly lastStableOffset: number
  readonly highWatermark: number
}

/** How far a group is behind what read_committed readers may see. */
export interface GroupLag extends TopicPartition {
  readonly group: string
  readonly offset: number
  readonly lag: number
}

interface Found {
  readonly transactions: readonly JobTransaction[]
  readonly open: readonly OpenTransaction[]
  readonly readers: readonly GroupLag[]
}

/** The job's transactions, the open ones in its topics, and the groups that read these. */
export const transactionsReport: MakeReport = async (request) => {
  const { job, flags } = request
  const prefix = flagOf(request, 'prefix', 'millrace')
  const found = await withClient(request, 'millrace kafka transactions', (client) =>
    find(client, prefix, job, flags.topic ?? []),
  )
  return { tables: tables(found, job, prefix), data: found }
}

async function find(client: KafkaClient, prefix: string, job: string, named: readonly string[]): Promise<Found> {
  const listed = await allTransactions(client)
  const own = `${prefix}.${job}.`
  const transactions = await described(client, listed, own)
  const markers = await markersOf(client, prefix, job)
  const names = new Set([...named, ...markers.map(({ topic }) => topic)])
  for (const { partitions } of transactions) for (const { topic } of partitions) names.add(topic)
  const partitions = await partitionsOf(client, [...names])
  const ends = {
    stable: await listOffsets(client, partitions, 'latest', true),
    high: await listOffsets(client, partitions, 'latest', false),
  }
  const open = await openIn(client, partitions, listed, own, ends)
  return { transactions, open, readers: await readersOf(client, own, ends.stable) }
}

interface NodeTransaction extends ListedTransaction {
  readonly node: number
}

async function allTransactions(client: KafkaClient): Promise<NodeTransaction[]> {
  const lists = await fromAllNodes(client, 'Listing transactions', async (node) => {
    const { error, transactions } = await client.send(node, listTransactions, { producerIds: [] })
    throwIfFailed(error, 'Listing transactions')
    return transactions.map((one) => ({ ...one, node }))
  })
  return lists.flat()
}

const TRANSACTIONAL_ID_NOT_FOUND = 105

async function described(
  client: KafkaClient,
  listed: readonly NodeTransaction[],
  own: string,
): Promise<JobTransaction[]> {
  const ours = listed.filter(({ id }) => id.startsWith(own))
  const found: TransactionDescription[] = []
  for (const node of new Set(ours.map((one) => one.node))) {
    const ids = ours.filter((one) => one.node === node).map(({ id }) => id)
    const what = 'Describing transactions'
    const answer = await client.retry(what, () => client.send(node, describeTransactions, { ids }))
    // One that has expired since it was listed is gone.
    for (const one of answer)
      if (one.error !== TRANSACTIONAL_ID_NOT_FOUND) throwIfFailed(one.error, `${what} of "${one.id}"`)
    found.push(...answer.filter(({ error }) => error === 0))
  }
  return found
    .map(({ error: _, startedMs, ...one }) => ({ ...one, startedMs: startedMs < 0 ? null : startedMs }))
    .sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }))
}

async function partitionsOf(client: KafkaClient, topics: readonly string[]): Promise<TopicPartition[]> {
  const found = await client.topics(topics)
  return [...found.values()].flatMap(({ name, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition })),
  )
}

type Ends = Awaited<ReturnType<typeof listOffsets>>

async function openIn(
  client: KafkaClient,
  partitions: readonly TopicPartition[],
  listed: readonly ListedTransaction[],
  own: string,
  ends: { readonly stable: Ends; readonly high: Ends },
): Promise<OpenTransaction[]> {
  const ids = new Map(listed.map(({ producerId, id }) => [producerId, id]))
  const answers = await client.retry('Describing producers', async () => {
    const byLeader = await groupByLeader(client, partitions)
    const parts = [...byLeader].map(([node, places]) =>
      client.send(node, describeProducers, { topics: byTopic(places, ({ partition }) => partition) }),
    )
    const all = (await Promise.all(parts)).flat()
    for (const one of all) throwListed(client, one, 'Producers')
    return all
  })
  return answers.flatMap(({ topic, partition, producers }) =>
    producers
      .filter(({ transactionStart }) => transactionStart >= 0)
      .map(({ producerId, producerEpoch, transactionStart, lastTimestampMs }) => ({
        topic,
        partition,
        id: ids.get(producerId) ?? null,
        ofJob: ids.get(producerId)?.startsWith(own) ?? false,
        producerId,
        producerEpoch,
        from: transactionStart,
        lastWriteMs: lastTimestampMs,
        lastStableOffset: ends.stable.get(`${topic}/${partition}`)?.offset ?? -1,
        highWatermark: ends.high.get(`${topic}/${partition}`)?.offset ?? -1,
      })),
  )
}

/** Groups that have offsets in these partitions, but those that hold markers. */
async function readersOf(client: KafkaClient, own: string, stable: Ends): Promise<GroupLag[]> {
  const groups = (await allGroups(client)).filter((group) => !group.startsWith(own))
  const offsets = await offsetsOf(client, groups)
  return offsets.flatMap(({ group, topic, partition, offset }) => {
    const end = stable.get(`${topic}/${partition}`)
    return end === undefined ? [] : [{ group, topic, partition, offset, lag: Math.max(0, end.offset - offset) }]
  })
}

function tables({ transactions, open, readers }: Found, job: string, prefix: string): ReportTable[] {
  return [
    {
      title: `Transactional ids of ${job}`,
      columns: ['transactional id', 'state', 'producer', 'begun', 'partitions'],
      rows: transactions.map(({ id, state, producerId, producerEpoch, startedMs, partitions }) => [
        id,
        state,
        `${producerId}:${producerEpoch}`,
        startedMs === null ? null : { atMs: startedMs },
        placesText(partitions),
      ]),
      none: `No transactional id ${prefix}.${job}.* is known to this cluster.`,
    },
    {
      title: 'Open transactions in its topics, which readers of read_committed wait for',
      columns: ['partition', 'transactional id', 'producer', 'last write', 'from', 'read_committed ends', 'end'],
      rows: open.map(({ topic, partition, id, ofJob, producerId, producerEpoch, ...one }) => [
        `${topic}/${partition}`,
        `${id ?? 'unknown'}${ofJob ? '' : ' (not of this job)'}`,
        `${producerId}:${producerEpoch}`,
        { atMs: one.lastWriteMs },
        one.from,
        one.lastStableOffset,
        one.highWatermark,
      ]),
      none: 'None is open there.',
    },
    {
      title: 'Groups that read its topics',
      columns: ['group', 'partition', 'offset', 'lag'],
      rows: readers.map(({ group, topic, partition, offset, lag }) => [group, `${topic}/${partition}`, offset, lag]),
      none: 'No group has committed offsets there.',
    },
  ]
}

/** `orders/0-3,7` */
function placesText(places: readonly TopicPartition[]): string {
  const topics = byTopic(places, ({ partition }) => partition)
  return topics.map(({ name, partitions }) => `${name}/${rangesText(partitions.toSorted((a, b) => a - b))}`).join(' ')
}

function rangesText(numbers: readonly number[]): string {
  const ranges: [number, number][] = []
  for (const number of numbers) {
    const last = ranges.at(-1)
    if (last?.[1] === number - 1) last[1] = number
    else ranges.push([number, number])
  }
  return ranges.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(',')
}
