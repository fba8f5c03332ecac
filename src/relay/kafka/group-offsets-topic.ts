// Offsets of the groups of other sites, kept at the target in a compacted topic: the last record of a key (site, group, topic) is what holds.

import type { KafkaClient } from '../../connectors/kafka/client/kafka-client.ts'
import { ensureTopic } from '../../connectors/kafka/client/topics.ts'
import type { WrittenRecord } from '../../connectors/kafka/formats/format.ts'
import type { KafkaRecord } from '../../connectors/kafka/index.ts'
import type { GroupNotice } from './relayed-kafka.ts'

/** What a group had committed at its site, by the topic's name here. */
export interface KeptOffsets extends Omit<GroupNotice, 'kind'> {
  readonly site: string
}

/** Makes the topic unless it is there. Throws KafkaFailure. */
export async function ensureGroupOffsetsTopic(
  client: KafkaClient,
  topic: string,
  replication: number | undefined,
): Promise<void> {
  const config = { 'cleanup.policy': 'compact' }
  await ensureTopic(client, { topic, partitions: 1, config, ...(replication !== undefined && { replication }) })
}

/** The record that keeps what a notice says. */
export function groupOffsetsRecord(keptIn: string, site: string, notice: GroupNotice): WrittenRecord {
  const { group, topic, offsets, atMs } = notice
  const kept: KeptOffsets = { site, group, topic, offsets, atMs }
  return {
    topic: keptIn,
    partition: 0,
    key: JSON.stringify([site, group, topic]),
    value: JSON.stringify(kept),
    timestampMs: atMs,
  }
}

/** What records of the topic, in order, keep: the last of each key. Records of others are skipped. */
export function keptOffsets(records: Iterable<KafkaRecord>): KeptOffsets[] {
  const kept = new Map<string, KeptOffsets>()
  for (const { key, value } of records) {
    if (key === null) continue
    const found = value === null ? undefined : read(value)
    if (found === undefined) kept.delete(key.toString())
    else kept.set(key.toString(), found)
  }
  return [...kept.values()]
}

function read(value: Buffer): KeptOffsets | undefined {
  try {
    const found = JSON.parse(value.toString()) as KeptOffsets
    return typeof found.group === 'string' && Array.isArray(found.offsets) ? found : undefined
  } catch {
    return undefined
  }
}
