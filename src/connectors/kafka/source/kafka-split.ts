import type { SourceSplit } from '../../../contract/source-function.ts'

/** A partition at its position. */
export interface KafkaSplit extends SourceSplit {
  /** `topic/partition` */
  readonly id: string
  readonly topic: string
  /** Of the topic that was found at the start, as 32 hex digits; null where brokers give none. */
  readonly topicId: string | null
  readonly partition: number
  /** The record wanted next. */
  readonly offset: number
  /** The leader epoch of the record before; left out where it is not known. */
  readonly epoch?: number
  /** Where the partition ends for this job, exclusive. */
  readonly stop?: number
}

/** What a reader says to the enumerator: it is time to look for new partitions. */
export interface DiscoveryTick {
  readonly type: 'tick'
}

/** The id of a partition's split. */
export function splitId(topic: string, partition: number): string {
  return `${topic}/${partition}`
}

/** What brokers give for the id of a topic that has none. */
export const NO_TOPIC_ID = '0'.repeat(32)
