// Batches of ours read by kafkajs's decoder, and its batches read by ours.

import { createRequire } from 'node:module'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { build, fetched, readAll } from './batches.ts'

const load = createRequire(import.meta.url)
const Decoder = load('kafkajs/src/protocol/decoder')
const Encoder = load('kafkajs/src/protocol/encoder')
const decodeBatch = load('kafkajs/src/protocol/recordBatch/v0/decoder')
const { RecordBatch } = load('kafkajs/src/protocol/recordBatch/v0')
const encodeRecord = load('kafkajs/src/protocol/recordBatch/record/v0')

const GZIP = 1

// kafkajs takes a header named as a method of Object for two values.
const headerName = fc.string({ maxLength: 8 }).map((name) => `h${name}`)

const record = fc.record({
  key: fc.option(fc.string({ unit: 'binary', maxLength: 40 })),
  value: fc.option(fc.string({ unit: 'binary', maxLength: 400 })),
  delta: fc.integer({ min: 0, max: 10_000_000 }),
  headers: fc.dictionary(headerName, fc.string({ maxLength: 20 }), {
    maxKeys: 3,
    noNullPrototype: true,
  }),
})
const records = fc.array(record, { minLength: 1, maxLength: 50 })
const BASE_MS = 1_700_000_000_000

const bytes = (text: string | null): Buffer | null => (text === null ? null : Buffer.from(text))

it('ours, by kafkajs', async () => {
  await fc.assert(
    fc.asyncProperty(records, fc.boolean(), async (written, zipped) => {
      const batch = build(
        written.map(({ key, value, delta, headers }) => {
          return { key, value, timestampMs: BASE_MS + delta, headers: Object.entries(headers) }
        }),
        { id: 77, epoch: 3, sequence: 12, transactional: true },
        zipped ? 'gzip' : 'none',
      )
      const read = await decodeBatch(new Decoder(batch))
      expect(read).toMatchObject({ producerId: '77', producerEpoch: 3, firstSequence: 12, inTransaction: true })
      expect(read.records).toHaveLength(written.length)
      for (const [i, { key, value, delta, headers }] of written.entries())
        expect(read.records[i]).toMatchObject({
          offset: String(i),
          timestamp: String(BASE_MS + delta),
          key: bytes(key),
          value: bytes(value),
          headers: Object.fromEntries(Object.entries(headers).map(([name, header]) => [name, Buffer.from(header)])),
        })
    }),
  )
})

it("kafkajs's, by ours", async () => {
  await fc.assert(
    fc.asyncProperty(records, fc.boolean(), async (written, zipped) => {
      const encoded = await RecordBatch({
        compression: zipped ? GZIP : 0,
        firstTimestamp: BASE_MS,
        maxTimestamp: BASE_MS + 10_000_000,
        lastOffsetDelta: written.length - 1,
        records: written.map(({ key, value, delta, headers }, offsetDelta) =>
          encodeRecord({ offsetDelta, timestampDelta: delta, key, value, headers }),
        ),
      })
      const read = readAll(fetched(new Encoder().writeEncoder(encoded).buffer), 7)
      expect(read).toEqual(
        written.map(({ key, value, delta, headers }, offset) => ({
          topic: 't',
          partition: 3,
          offset,
          timestampMs: BASE_MS + delta,
          key: bytes(key),
          value: bytes(value),
          headers: Object.entries(headers).map(([name, header]) => [name, Buffer.from(header)]),
        })),
      )
    }),
  )
})
