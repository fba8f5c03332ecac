import type { WrittenRecord } from '../../src/connectors/kafka/formats/format.ts'

/** The batches of an epoch: the same at each attempt. */
export function epochOf(epoch: number): WrittenRecord[][] {
  return [0, 1].map((batch) =>
    Array.from({ length: 6 }, (_, i) => ({ value: `${epoch}:${batch}:${i}`, partition: i % 2 })),
  )
}
