// `millrace kafka markers JOB`: which epochs of a job are in Kafka, as its sinks' transactions have said.

import type { MakeReport } from '../../../contract/report.ts'
import type { KafkaClient } from '../client/kafka-client.ts'
import { allGroups, type GroupOffset, offsetsOf } from './group-list.ts'
import { flagOf, withClient } from './report-client.ts'

/** The marker of one writer. */
export interface Marker {
  readonly writer: string
  /** Also the transactional id. */
  readonly group: string
  readonly topic: string
  readonly partition: number
  /** The last epoch that is in; -1: none. */
  readonly epoch: number
  /** Of that epoch. */
  readonly records: number | null
  /** When it was committed. */
  readonly at: string | null
}

/** Writer, epoch and time of every marker that a job's sinks have set. */
export const markersReport: MakeReport = async (request) => {
  const prefix = flagOf(request, 'prefix', 'millrace')
  const markers = await withClient(request, 'millrace kafka markers', (client) =>
    markersOf(client, prefix, request.job),
  )
  const rows = markers.map(({ writer, epoch, records, at, topic, partition, group }) => [
    writer,
    epoch < 0 ? 'none yet' : epoch,
    records,
    at === null ? null : { atMs: Date.parse(at) },
    `${topic}/${partition}`,
    group,
  ])
  const columns = ['writer', 'epoch', 'records', 'committed', 'marker', 'group and transactional id']
  const none = `No marker of job "${request.job}" is in this cluster: no group ${prefix}.${request.job}.* has one.`
  return { tables: [{ title: 'Markers', columns, rows, none }], data: { markers } }
}

/** The markers of a job, by writer. Throws KafkaFailure. */
export async function markersOf(client: KafkaClient, prefix: string, job: string): Promise<Marker[]> {
  const begins = `${prefix}.${job}.`
  const groups = (await allGroups(client)).filter((group) => group.startsWith(begins))
  const markers = (await offsetsOf(client, groups)).map((offset) => markerOf(offset, prefix))
  // `a.b` of node c and `a` of node b.c begin alike.
  const ours = markers.filter(({ writer, group }) => writer.startsWith(`${job}/`) || writer === writerOf(group, prefix))
  return ours.sort((a, b) => a.writer.localeCompare(b.writer, 'en', { numeric: true }))
}

function markerOf({ group, topic, partition, offset, metadata }: GroupOffset, prefix: string): Marker {
  const { writer, records, at } = read(metadata)
  return {
    writer: typeof writer === 'string' ? writer : writerOf(group, prefix),
    group,
    topic,
    partition,
    epoch: offset - 1,
    records: typeof records === 'number' ? records : null,
    at: typeof at === 'string' ? at : null,
  }
}

function writerOf(group: string, prefix: string): string {
  return group.slice(prefix.length + 1)
}

/** Whoever else has set the offset may have written anything beside it. */
function read(metadata: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(metadata)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
