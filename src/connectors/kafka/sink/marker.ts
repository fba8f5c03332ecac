// The marker of a writer: the last epoch that is in the topics, kept as an offset of a group, which a transaction commits together
// with the epoch's records. Group and transactional id have the same name. Offset 0: none is in; offset n: epoch n - 1 is.

import { MillraceError } from '../../../errors.ts'
import { committedOffsets } from '../client/group-offsets.ts'
import type { KafkaClient } from '../client/kafka-client.ts'
import type { OffsetInTransaction } from './transactional-producer.ts'

/** Where a writer's marker is. */
export interface MarkerPlace {
  /** The sink's, for errors. */
  readonly node: string
  readonly writer: string
  /** Also the transactional id. */
  readonly groupId: string
  /** Its partition 0. */
  readonly topic: string
}

/** What is written beside the offset, for people and for a check of the name. */
interface MarkerText {
  readonly writer: string
  readonly epoch: number
  readonly records: number
  /** ISO time of the commit. */
  readonly at: string
}

/** `millrace.job.node.0` */
export function transactionalIdOf(prefix: string, writer: string): string {
  return `${prefix}.${writer.replaceAll('/', '.')}`
}

/** The offset that says that an epoch is in; -1: none is. */
export function markerOf(
  { groupId, topic, writer }: MarkerPlace,
  text: Omit<MarkerText, 'writer'>,
): OffsetInTransaction {
  return { groupId, topic, partition: 0, offset: text.epoch + 1, metadata: JSON.stringify({ writer, ...text }) }
}

/** The last epoch that is in, -1 if none is; undefined if there is no marker. Throws SINK_FAILED for another writer's. */
export async function readMarker(client: KafkaClient, place: MarkerPlace): Promise<number | undefined> {
  const { groupId, topic, node, writer } = place
  const offsets = await committedOffsets(client, groupId, [{ topic, partition: 0 }])
  const found = offsets.get(`${topic}/0`)
  if (found === undefined) return undefined
  const other = writerOf(found.metadata)
  if (other !== undefined && other !== writer) {
    const reason = `group "${groupId}" holds the marker of writer "${other}", and this is "${writer}": their names differ only in / and . there. Give one of the jobs another transactionalIdPrefix`
    throw new MillraceError('SINK_FAILED', { node, reason })
  }
  return found.offset - 1
}

/** Undefined where somebody else has set the offset. */
function writerOf(metadata: string): string | undefined {
  try {
    return (JSON.parse(metadata) as Partial<MarkerText>).writer
  } catch {
    return undefined
  }
}
