// What is measured: reading, writing, counting between two topics, and standing still.

import { type Measured, thousands } from '../mysql/measured.ts'
import { median } from '../statistics.ts'
import type { Broker } from './broker.ts'
import { perform, type Work, type WorkResult } from './client.ts'
import { countByStreams } from './streams-peer.ts'

/** What scenarios work with. */
export interface Bench {
  readonly broker: Broker
  /** 1 for a full run; records are multiplied by it. */
  readonly scale: number
  readonly stallMs: number
  readonly say: (line: string) => void
}

const ROUNDS = 3
const KEYS = 1_000_000

export async function consume(bench: Bench, partitions: number): Promise<Measured> {
  const { broker, scale } = bench
  const records = 1_000_000 * scale
  const topic = await broker.topic(`consume-${partitions}`, partitions)
  await perform({ work: 'produce', client: 'millrace', brokers: broker.brokers, topic, records, keys: 1_000 })
  const work = { work: 'consume', brokers: broker.brokers, topic, records } as const
  const [ours, beside] = await inTurn(bench, { ...work, client: 'millrace' }, { ...work, client: 'kafkajs' })
  await broker.deleteTopic(topic)
  return compared(`consume, ${partitionsOf(partitions)}`, { ours, beside, name: 'kafkajs eachBatch', goal: 0.8 })
}

export async function produce(bench: Bench, partitions: number): Promise<Measured[]> {
  const { broker, scale } = bench
  const topic = await broker.topic(`produce-${partitions}`, partitions)
  const work = { work: 'produce', brokers: broker.brokers, topic, keys: 1_000 } as const
  const ours = { ...work, client: 'millrace', records: 1_000_000 * scale } as const
  const [atLeastOnce, exactlyOnce, beside] = await inTurn(
    bench,
    { ...ours, delivery: 'at-least-once' },
    { ...ours, delivery: 'exactly-once' },
    { ...work, client: 'kafkajs', records: 300_000 * scale },
  )
  await broker.deleteTopic(topic)
  const name = 'kafkajs, acks = all'
  return [
    compared(`produce at least once, ${partitionsOf(partitions)}`, { ours: atLeastOnce, beside, name, goal: 0.9 }),
    compared(`produce exactly once, epochs of 1 s, ${partitionsOf(partitions)}`, {
      ours: exactlyOnce,
      beside,
      name,
      goal: 0.8,
    }),
  ]
}

/** Kafka → count of each key → Kafka, exactly once. Time and CPU from when every task runs to the end of the job. */
export async function count(bench: Bench): Promise<Measured> {
  const { broker, scale, say } = bench
  const { brokers } = broker
  const records = 1_500_000 * scale
  const keys = KEYS * scale
  const topic = await broker.topic('count-in', 8)
  await perform({ work: 'produce', client: 'millrace', brokers, topic, records, keys, valueBytes: 100 })
  const out = await broker.topic('count-out', 8)
  const ours = await perform({ work: 'count', client: 'millrace', brokers, topic, out, records })
  say(`  Millrace: ${describe(ours)}`)
  const streams = countByStreams(brokers, records, keys)
  if (streams !== undefined) say(`  Kafka Streams: ${describe(streams)}`)
  const ratio = streams === undefined ? undefined : perCpuSecond(ours) / perCpuSecond(streams)
  return {
    name: `Kafka → count by key → Kafka, exactly once, ${thousands(keys)} keys`,
    ours: describe(ours),
    beside: streams === undefined ? '' : `Kafka Streams, EOS v2: ${describe(streams)}`,
    ratio,
    goal: '≥ 1 × Kafka Streams per CPU-second, or 53 K',
    met: (ratio ?? perCpuSecond(ours) / 53_000) >= 1,
  }
}

/** A topic that is larger than memory should be, into a sink that does not take it. */
export async function stall({ broker, scale, stallMs, say }: Bench): Promise<Measured> {
  const { brokers } = broker
  const records = 3_000_000 * scale
  const topic = await broker.topic('stall', 8)
  await perform({ work: 'produce', client: 'millrace', brokers, topic, records, keys: 1_000 })
  const result = await perform({ work: 'stall', client: 'millrace', brokers, topic, records, stallMs })
  if (result.records !== records) throw new Error(`${result.records} of ${records} records came`)
  say(`  ${describe(result)}`)
  return {
    name: `memory with a sink that stops for ${Math.round(stallMs / 1_000)} s`,
    ours: `${Math.round(result.memoryMb)} MB`,
    beside: '',
    ratio: undefined,
    goal: '≤ 300 MB',
    met: result.memoryMb <= 300,
  }
}

/** The works in turn, for several rounds: each one's middle round. */
async function inTurn<const W extends readonly Work[]>(
  { say }: Bench,
  ...works: W
): Promise<{ [I in keyof W]: WorkResult }> {
  const rounds: WorkResult[][] = works.map(() => [])
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [i, work] of works.entries()) {
      const result = await perform(work)
      // A reader may have been given the beginning of another batch.
      if (result.records < work.records) throw new Error(`${result.records} of ${work.records} records came`)
      say(`  ${work.client}, ${work.delivery ?? work.work}: ${describe(result)}`)
      rounds[i]?.push(result)
    }
  return rounds.map(middle) as { [I in keyof W]: WorkResult }
}

function middle(results: readonly WorkResult[]): WorkResult {
  const rate = median(results.map(perSecond))
  return results.find((result) => perSecond(result) === rate) as WorkResult
}

interface Comparison {
  readonly ours: WorkResult
  readonly beside: WorkResult
  readonly name: string
  readonly goal: number
}

function compared(what: string, { ours, beside, name, goal }: Comparison): Measured {
  const ratio = perSecond(ours) / perSecond(beside)
  return {
    name: what,
    ours: describe(ours),
    beside: `${name}: ${describe(beside)}`,
    ratio,
    goal: `≥ ${goal} ×`,
    met: ratio >= goal,
  }
}

const partitionsOf = (count: number): string => (count === 1 ? 'one partition' : `${count} partitions`)

const perSecond = ({ records, seconds }: WorkResult): number => records / seconds

const perCpuSecond = ({ records, cpuSeconds }: WorkResult): number => records / cpuSeconds

function describe(result: WorkResult): string {
  const memory = Number.isNaN(result.memoryMb) ? '' : `, ${Math.round(result.memoryMb)} MB`
  return `${thousands(perSecond(result))} records/s (${thousands(perCpuSecond(result))} per CPU-second${memory})`
}
