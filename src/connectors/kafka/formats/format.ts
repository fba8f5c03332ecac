// Formats: what is between Kafka's records and a job's values.

import type { KafkaRecord } from '../records/kafka-record.ts'

/** A record as a sink writes it. */
export interface WrittenRecord {
  /** Decides the partition, as Java's producer does. */
  readonly key?: string | Uint8Array | null
  /** null is a tombstone: the key is gone. */
  readonly value: string | Uint8Array | null
  readonly headers?:
    | Readonly<Record<string, string | Uint8Array>>
    | readonly (readonly [name: string, value: string | Uint8Array | null])[]
  /** Where the sink's own `topic` does not say. */
  readonly topic?: string
  /** Instead of the key's. */
  readonly partition?: number
  readonly timestampMs?: number
}

/** How a source reads values. Keeps nothing that a later read depends on: subtasks of a thread share it. */
export interface ReadFormat<T> {
  /** Before the first read; by every subtask, also at the same time. */
  open?(): Promise<void>
  /** Appends what the record holds: nothing, a value, or several. Throws what is wrong with it, with nothing appended. */
  read(record: KafkaRecord, out: T[]): void
}

/** How a sink writes values. */
export interface WriteFormat<T> {
  /** Before the first write; by every subtask, also at the same time. */
  open?(): Promise<void>
  /** Throws what is wrong with a value that cannot be written. */
  write(value: T): WrittenRecord
}

/** A format both ways. */
export interface Format<T> extends ReadFormat<T>, WriteFormat<T> {}

/** A format of bytes alone, whatever they are of: a record's value, its key, or what is within confluent(). */
export interface ValueFormat<T> extends Format<T> {
  decode(bytes: Buffer): T
  encode(value: T): string | Uint8Array
  /** For Confluent's framing: where the message is declared in its file, in the message that it is declared in, and so on. Of protobuf only. */
  messageIndexes?(): readonly number[]
}
