// Kafka to Kafka: at full speed, and after kill -9.

import { type Measured, thousands } from '../mysql/measured.ts'
import { median } from '../statistics.ts'
import { type Audit, audit } from './audit.ts'
import {
  type Bench,
  endAll,
  isExact,
  isSmall,
  type MakeContender,
  MEMORY_MB,
  megabytes,
  QUIET_MS,
  told,
  until,
} from './comparing.ts'
import { millrace, mirrorMaker } from './contenders.ts'
import { type Followed, follow } from './following.ts'
import { cpuSeconds } from './processes.ts'
import { openSites } from './sites.ts'

const RECORDS = 2_000_000
const SECOND_MS = 1_000

interface Copied {
  readonly records: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly peakMb: readonly number[]
  readonly audit: Audit
}

/** All of a topic that is there, from the start of cold processes to the last record. */
export async function copy(bench: Bench): Promise<Measured[]> {
  const ours: Readonly<Record<string, MakeContender>> = {
    'checkpoints of 1 s': (sites) => millrace(sites, SECOND_MS),
    'default checkpoints': (sites) => millrace(sites),
  }
  const theirs = bench.against === undefined ? {} : { 'MirrorMaker 2': mirrorMaker }
  const rounds = new Map<string, Copied[]>()
  for (let round = 0; round < bench.rounds; round += 1)
    for (const [name, make] of Object.entries({ ...theirs, ...ours })) {
      const copied = await copyOnce(bench, make)
      rounds.set(name, [...(rounds.get(name) ?? []), copied])
    }
  const beside = middle(rounds.get('MirrorMaker 2'))
  return Object.keys(ours).map((name) => {
    const result = middle(rounds.get(name)) as Copied
    const ratio = beside === undefined ? undefined : perCpuSecond(result) / perCpuSecond(beside)
    return {
      name: `Kafka → relay → Kafka, ${name}`,
      ours: describe(result),
      beside: beside === undefined ? '' : `MirrorMaker 2: ${describe(beside)}`,
      ratio,
      goal: `≥ 1 × per CPU-second, each process ≤ ${MEMORY_MB} MB, nothing lost, repeated or reordered`,
      met: (ratio ?? 1) >= 1 && isSmall(result.peakMb) && isExact(result.audit),
    }
  })
}

async function copyOnce(bench: Bench, make: MakeContender): Promise<Copied> {
  const records = RECORDS * bench.scale
  const sites = await openSites(records)
  const contender = await make(sites)
  const brokers = [sites.from.pid, sites.to.pid]
  const before = brokers.map(cpuSeconds)
  const processes = await contender.start()
  try {
    const followed = await follow({ broker: sites.to, topic: contender.target, records, quietMs: QUIET_MS, processes })
    const ofBrokers = brokers.reduce((sum, pid, i) => sum + cpuSeconds(pid) - (before[i] ?? 0), 0)
    await endAll(processes)
    const found = await audit({ brokers: sites.to.brokers, topic: contender.target, records })
    const copied = { ...resultOf(followed, records), audit: found }
    bench.say(`  ${contender.name}: ${describe(copied)}; brokers took ${ofBrokers.toFixed(1)} CPU-seconds`)
    return copied
  } finally {
    await endAll(processes)
    await contender.close()
    await sites.close()
  }
}

/** Every process is killed when half has arrived, and started again. */
export async function kill(bench: Bench): Promise<Measured[]> {
  const ours = await killOf(bench, (sites) => millrace(sites, SECOND_MS))
  const theirs = bench.against === undefined ? undefined : await killOf(bench, mirrorMaker)
  return [
    {
      name: 'every process killed halfway and started again',
      ours: told(ours),
      beside: theirs === undefined ? '' : `MirrorMaker 2: ${told(theirs)}`,
      ratio: undefined,
      goal: 'nothing lost, repeated or reordered',
      met: isExact(ours),
    },
  ]
}

async function killOf(bench: Bench, make: MakeContender): Promise<Audit> {
  const records = RECORDS * bench.scale
  const sites = await openSites(records)
  const contender = await make(sites)
  let processes = await contender.start()
  try {
    const { to } = sites
    const { target } = contender
    await until(async () => (await to.end(target)) >= records / 2)
    await Promise.all(processes.map((one) => one.end('SIGKILL')))
    processes = await contender.start()
    await follow({ broker: to, topic: target, records, quietMs: QUIET_MS, processes })
    await endAll(processes)
    const found = await audit({ brokers: to.brokers, topic: target, records })
    bench.say(`  ${contender.name}: ${told(found)}`)
    return found
  } finally {
    await endAll(processes)
    await contender.close()
    await sites.close()
  }
}

function resultOf({ looks, peakMb }: Followed, records: number): Omit<Copied, 'audit'> {
  const last = looks.at(-1)
  return {
    records,
    seconds: (last?.atMs ?? Number.NaN) / 1_000,
    cpuSeconds: last?.cpuSeconds.reduce((sum, one) => sum + one, 0) ?? Number.NaN,
    peakMb,
  }
}

function middle(results: readonly Copied[] = []): Copied | undefined {
  const rate = median(results.map(perCpuSecond))
  return results.find((one) => perCpuSecond(one) >= rate)
}

const perCpuSecond = ({ records, cpuSeconds }: Copied): number => records / cpuSeconds

function describe(copied: Copied): string {
  const { records, seconds, peakMb } = copied
  const rates = `${thousands(records / seconds)} records/s (${thousands(perCpuSecond(copied))} per CPU-second`
  return `${rates}, ${megabytes(peakMb)}); ${told(copied.audit)}`
}
