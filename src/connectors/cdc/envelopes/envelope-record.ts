/** A message as Kafka has them: what envelopes make of changes, ready for a sink. */
export interface EnvelopeRecord {
  readonly topic: string
  /** JSON of the key's columns; null for a table without a key. */
  readonly key: string | null
  /** JSON; null is a tombstone: the key is gone. */
  readonly value: string | null
  readonly headers: Readonly<Record<string, string>>
}

/** A message to make changes of. What a source of messages gives may have more fields. */
export interface EnvelopeInput {
  readonly key?: string | null
  readonly value: string | null
  /** Where it is from; errors name it. */
  readonly topic?: string
  readonly offset?: string | number | bigint
}
