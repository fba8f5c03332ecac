// Any history of a topic, read in any pieces, with any restores: what an independent reader sees, each record once and in order.

import type { Message, Producer } from 'kafkajs'
import { expect, it } from 'vitest'
import type { KafkaRecord } from '../../../../../src/connectors/kafka/records/kafka-record.ts'
import { kafkaSource } from '../../../../../src/connectors/kafka/source/kafka-source.ts'
import { type Rng, seededRng } from '../../../../../src/util/rng.ts'
import { describeBroker, type Isolation } from '../../../../support/kafka-servers.ts'
import { type Checkpoint, inLife, untilMarked } from './source-life.ts'

const PARTITIONS = 3
const WRITES = 40

describeBroker('kafkaSource over any history', (broker) => {
  it.each([1, 2, 3, 4])('seed %i', async (seed) => {
    const rng = seededRng(seed)
    const topic = await broker.topic('random', PARTITIONS)
    await write(topic, rng)
    await untilMarked(broker.brokers, topic)
    for (const isolation of ['read_committed', 'read_uncommitted'] as const) {
      const expected = byPartition(await broker.readAll(topic, isolation))
      expect(expected.flat().length).toBeGreaterThan(30)
      const got = byPartition(await readInPieces(topic, isolation, rng))
      expect(got).toEqual(expected)
    }
  })

  async function write(topic: string, rng: Rng): Promise<void> {
    const names = [0, 1].map(() => broker.name('tx'))
    const writers = names.map((transactionalId) =>
      broker.kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 }),
    )
    const plain = broker.kafka.producer()
    for (const one of [...writers, plain]) await one.connect()
    const open = new Map<Producer, Awaited<ReturnType<Producer['transaction']>>>()
    for (let n = 0; n < WRITES; n += 1) {
      const messages = Array.from({ length: 1 + rng.int(6) }, (_, i) => message(rng, `${n}.${i}`))
      const writer = rng.int(3) === 0 ? plain : (writers[rng.int(2)] as Producer)
      if (writer === plain) {
        await plain.send({ topic, messages, compression: rng.int(2) })
        continue
      }
      const transaction = open.get(writer) ?? (await writer.transaction())
      open.set(writer, transaction)
      await transaction.send({ topic, messages })
      if (rng.int(2) === 0) continue
      open.delete(writer)
      await (rng.int(2) === 0 ? transaction.abort() : transaction.commit())
    }
    for (const transaction of open.values()) await transaction.abort()
    for (const one of [...writers, plain]) await one.disconnect()
  }

  function message(rng: Rng, text: string): Message {
    const value = rng.int(10) === 0 ? null : text + 'x'.repeat(rng.int(5) === 0 ? rng.int(20_000) : rng.int(20))
    return { partition: rng.int(PARTITIONS), key: rng.int(3) === 0 ? null : `k${rng.int(4)}`, value }
  }

  async function readInPieces(topics: string, isolation: Isolation, rng: Rng): Promise<KafkaRecord[]> {
    const got: KafkaRecord[] = []
    let restore: Checkpoint | undefined
    for (let more = true; more; ) {
      const options = { topics, isolation, bounded: 'latest', bufferBytesMax: 1 + rng.int(50_000) } as const
      const life = { parallelism: 1 + rng.int(4), ...(restore && { restore }) }
      await inLife(kafkaSource({ brokers: broker.brokers, ...options }), life, async (source) => {
        for (let polls = 1 + rng.int(5); more && polls > 0; polls -= 1) {
          const batch = await source.next(undefined, 1 + rng.int(20))
          more = batch !== undefined
          got.push(...(batch?.values ?? []))
        }
        expect(more || source.hasEnded).toBe(true)
        restore = await source.checkpoint()
      })
    }
    return got
  }
})

interface Placed {
  readonly partition: number
  readonly offset: number | string
  readonly value: Buffer | string | null
}

function byPartition(records: readonly Placed[]): string[][] {
  return Array.from({ length: PARTITIONS }, (_, partition) =>
    records.filter((one) => one.partition === partition).map(({ offset, value }) => `${offset} ${value}`),
  )
}
