/** Name and value of each header, in order; a name may come twice. Names are UTF-8, values any bytes. */
export type KafkaHeaders = readonly (readonly [name: string, value: Buffer | null])[]

/** What records without headers share. */
export const NO_HEADERS: KafkaHeaders = []

/** A record as it lies in a partition. Plain data. Buffers may be views of a larger one: copy what is kept for long. */
export interface KafkaRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Of its producer, or of the broker where the topic is set so; milliseconds, -1 for none. */
  readonly timestampMs: number
  readonly key: Buffer | null
  /** null is a tombstone. */
  readonly value: Buffer | null
  readonly headers: KafkaHeaders
}
