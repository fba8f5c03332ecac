// Reads a topic in full by kafkajs, which is none of ours, and says what came.

import { type EachBatchPayload, Kafka, logLevel } from 'kafkajs'
import type { Audit, AuditWork } from './audit.ts'
import { keyOf, numberOf, partitionOf } from './records.ts'

/** Nothing came for so long: that was all. */
const QUIET_MS = 3_000
/** A fresh broker's coordinator is not there at once. */
const FIRST_MS = 60_000

const work = JSON.parse(process.argv[2] ?? '{}') as AuditWork
const times = new Uint8Array(work.records)
const last = new Map<number, number>()
let read = 0
let reordered = 0
let strange = 0
let lastAtMs = performance.now() + FIRST_MS

const kafka = new Kafka({ brokers: [work.brokers], logLevel: logLevel.NOTHING })
const consumer = kafka.consumer({
  groupId: `audit-${process.pid}`,
  readUncommitted: false,
  maxBytesPerPartition: 4 << 20,
})
await consumer.connect()
await consumer.subscribe({ topic: work.topic, fromBeginning: true })
await consumer.run({ autoCommit: false, eachBatch: async (payload) => take(payload) })
await new Promise<void>((resolve) => {
  const timer = setInterval(() => {
    if (performance.now() - lastAtMs < QUIET_MS) return
    clearInterval(timer)
    resolve()
  }, 100)
})
const lost = times.reduce((sum, count) => sum + Number(count === 0), 0)
const repeated = times.reduce((sum, count) => sum + Math.max(0, count - 1), 0)
process.send?.({ read, lost, repeated, reordered, strange } satisfies Audit)
process.exit()

function take({ batch: { partition, messages } }: EachBatchPayload): void {
  lastAtMs = performance.now()
  read += messages.length
  for (const { key, value } of messages) {
    const number = value === null ? -1 : numberOf(value)
    const isOurs = number >= 0 && number < work.records && partition === partitionOf(number)
    if (!isOurs || key?.toString() !== keyOf(number)) {
      strange += 1
      continue
    }
    if (times[number] === 0 && number < (last.get(partition) ?? -1)) reordered += 1
    last.set(partition, Math.max(number, last.get(partition) ?? -1))
    times[number] = Math.min(255, (times[number] ?? 0) + 1)
  }
}
