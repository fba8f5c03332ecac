import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BatchBuilder } from '../../../../../src/connectors/kafka/records/batch-builder.ts'
import type { KafkaRecord } from '../../../../../src/connectors/kafka/records/kafka-record.ts'
import { FIELD, stampBatch, writeInt64 } from '../../../../../src/connectors/kafka/records/record-batch.ts'
import { epochsOf } from '../../../../../src/connectors/kafka/source/batch-walk.ts'
import { PartitionQueue } from '../../../../../src/connectors/kafka/source/partition-queue.ts'

/** A batch of so many records; `gap` offsets behind its last record belong to it and hold nothing, as compaction leaves it. */
interface BatchPlan {
  readonly records: number
  readonly gap: number
  /** Offsets before it that belong to no batch. */
  readonly skip: number
  readonly epoch: number
}

const NO_PRODUCER = { id: -1, epoch: -1, sequence: -1, transactional: false } as const

function batchOf(from: number, { records, gap, epoch }: BatchPlan): Buffer {
  const builder = new BatchBuilder('none')
  for (let i = 0; i < records; i += 1) builder.append(null, String(from + i), 0, [])
  const batch = builder.finish(NO_PRODUCER)
  writeInt64(batch, FIELD.baseOffset, from)
  batch.writeInt32BE(epoch, FIELD.leaderEpoch)
  batch.writeInt32BE(records + gap - 1, FIELD.lastOffsetDelta)
  stampBatch(batch, NO_PRODUCER)
  return batch
}

/** The log's batches, with the offset behind each; and every record's offset with the epoch it was written in. */
function logOf(plans: readonly BatchPlan[]) {
  const batches: { readonly bytes: Buffer; readonly end: number }[] = []
  const records: { readonly offset: number; readonly epoch: number }[] = []
  let offset = 0
  let epoch = 0
  for (const plan of plans) {
    offset += plan.skip
    epoch += plan.epoch
    batches.push({ bytes: batchOf(offset, { ...plan, epoch }), end: offset + plan.records + plan.gap })
    for (let i = 0; i < plan.records; i += 1) records.push({ offset: offset + i, epoch })
    offset += plan.records + plan.gap
  }
  return { batches, records, end: offset }
}

const plan = fc.record({
  records: fc.integer({ min: 1, max: 5 }),
  gap: fc.integer({ min: 0, max: 2 }),
  skip: fc.constantFrom(0, 0, 3),
  epoch: fc.constantFrom(0, 0, 1),
})

const split = (offset: number, stop?: number) => ({
  id: 't/0',
  topic: 't',
  topicId: null,
  partition: 0,
  offset,
  ...(stop === undefined ? {} : { stop }),
})

describe('PartitionQueue', () => {
  it('gives each record once and in order, from any snapshot on, up to its stop (I1, I2)', () => {
    fc.assert(
      fc.property(
        fc.array(plan, { minLength: 1, maxLength: 8 }),
        fc.array(fc.tuple(fc.constantFrom('fetch', 'take', 'restore'), fc.integer({ min: 1, max: 4 })), {
          maxLength: 60,
        }),
        fc.option(fc.nat(40), { nil: undefined }),
        (plans, steps, stop) => {
          const log = logOf(plans)
          const wanted = log.records.filter(({ offset }) => stop === undefined || offset < stop)
          let queue = new PartitionQueue(split(0, stop))
          const got: KafkaRecord[] = []
          const fetch = (batches: number): void => {
            if (queue.isFetched) return
            const from = log.batches.findIndex(({ end }) => end > queue.fetchOffset)
            const bytes = from < 0 ? [] : log.batches.slice(from, from + batches).map((batch) => batch.bytes)
            queue.accept(Buffer.concat(bytes), null)
          }
          const take = (max: number): void => {
            const before = got.length
            const records: KafkaRecord[] = []
            expect(queue.take(max, records)).toBe(records.length)
            expect(records.length).toBeLessThanOrEqual(max)
            got.push(...records)
            const { offset, epoch } = queue.snapshot
            const last = log.records.findLast((record) => record.offset < offset)
            if (got.length > before && !queue.isFinished) expect(epoch).toBe(last?.epoch)
          }
          for (const [step, n] of steps) {
            if (step === 'fetch') fetch(n)
            else if (step === 'take') take(n)
            else queue = new PartitionQueue(queue.snapshot)
          }
          for (let i = 0; i < 2 * log.batches.length + log.records.length; i += 1) {
            fetch(1)
            take(3)
          }
          expect(got.map(({ offset }) => offset)).toEqual(wanted.map(({ offset }) => offset))
          if (stop === undefined || stop > log.end) expect(queue.position).toBe(log.end)
          else expect(queue.isFinished && queue.position === stop).toBe(true)
          expect(queue.bytes).toBe(0)
        },
      ),
    )
  })

  it('keeps nothing of an answer that ends within its first batch', () => {
    const queue = new PartitionQueue(split(0))
    queue.accept(batchOf(0, { records: 5, gap: 0, skip: 0, epoch: 0 }).subarray(0, 70), null)
    expect([queue.bytes, queue.fetchOffset]).toEqual([0, 0])
  })

  it('says so of batches of a format before 0.11', () => {
    const queue = new PartitionQueue(split(0))
    const old = batchOf(0, { records: 5, gap: 0, skip: 0, epoch: 0 })
    old[FIELD.magic] = 1
    queue.accept(old, null)
    expect(() => queue.take(1, [])).toThrow('UNSUPPORTED_FOR_MESSAGE_FORMAT')
  })
})

describe('epochsOf', () => {
  it('gives the end of each leader epoch, without a torn batch at the end', () => {
    const plans = [0, 0, 1, 0].map((epoch) => ({ records: 2, gap: 1, skip: 0, epoch }))
    const bytes = Buffer.concat(logOf(plans).batches.map((batch) => batch.bytes))
    expect(epochsOf(bytes)).toEqual([
      { epoch: 0, end: 6 },
      { epoch: 1, end: 12 },
    ])
    expect(epochsOf(bytes.subarray(0, bytes.length - 1)).at(-1)).toEqual({ epoch: 1, end: 9 })
    expect(epochsOf(bytes.subarray(0, 20))).toEqual([])
  })
})
