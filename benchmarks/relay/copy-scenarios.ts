// Kafka to Kafka: at full speed, over a line that was down, and after kill -9.

import { setTimeout } from 'node:timers/promises'
import { type Measured, thousands } from '../mysql/measured.ts'
import { median } from '../statistics.ts'
import { type Audit, audit } from './audit.ts'
import { millrace, mirrorMaker } from './contenders.ts'
import { type Followed, follow } from './following.ts'
import { fill } from './load.ts'
import { cpuSeconds, type Running } from './processes.ts'
import { type Contender, openSites, type Sites } from './sites.ts'

/** What scenarios work with. */
export interface Bench {
  /** 1 for a full run; records are multiplied by it. */
  readonly scale: number
  readonly rounds: number
  readonly against: 'mirrormaker' | undefined
  readonly outage: { readonly records: number; readonly perSecond: number }
  readonly say: (line: string) => void
}

type MakeContender = (sites: Sites) => Contender | Promise<Contender>

const RECORDS = 2_000_000
const MEMORY_MB = 300
const SECOND_MS = 1_000
/** Longer than the default interval of checkpoints. */
const QUIET_MS = 13_000

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

/** The line goes down while records keep coming, and comes back once so many wait; they keep coming until all are there. */
export async function outage(bench: Bench): Promise<Measured[]> {
  const ours = await outageOf(bench, (sites) => millrace(sites))
  const theirs = bench.against === undefined ? undefined : await outageOf(bench, mirrorMaker)
  const { perSecond } = bench.outage
  const drained = (one: Outage): string =>
    `drained at ${thousands(one.drainedPerSecond)} records/s, ${(one.drainedPerSecond / perSecond).toFixed(1)} × the input`
  const tell = (one: Outage): string => `${drained(one)}; ${told(one.audit)}; ${megabytes(one.peakMb)}`
  return [
    {
      name: `line down for ${thousands(ours.backlog)} records at ${thousands(perSecond)} records/s`,
      ours: tell(ours),
      beside: theirs === undefined ? '' : `MirrorMaker 2: ${tell(theirs)}`,
      ratio: theirs === undefined ? undefined : ours.drainedPerSecond / theirs.drainedPerSecond,
      goal: `drains at ≥ 3 × the input, each process ≤ ${MEMORY_MB} MB, nothing lost, repeated or reordered`,
      met: ours.drainedPerSecond >= 3 * perSecond && isSmall(ours.peakMb) && isExact(ours.audit),
    },
  ]
}

interface Outage {
  readonly backlog: number
  readonly drainedPerSecond: number
  readonly peakMb: readonly number[]
  readonly audit: Audit
}

async function outageOf(bench: Bench, make: MakeContender): Promise<Outage> {
  const { perSecond } = bench.outage
  const backlog = bench.outage.records * bench.scale
  // A tenth goes over before, and as much may come while the rest drains.
  const records = Math.round(backlog * 1.2)
  const sites = await openSites(0)
  const contender = await make(sites)
  const processes = await contender.start()
  try {
    const { from, to, topic } = sites
    const loading = fill({ brokers: from.brokers, topic, records, perSecond })
    await until(async () => (await to.end(contender.target)) >= backlog * 0.05)
    contender.line.cut()
    const cutAt = await from.end(topic)
    await until(async () => (await from.end(topic)) >= cutAt + backlog)
    contender.line.heal()
    const arrived = await to.end(contender.target)
    const followed = follow({ broker: to, topic: contender.target, records, quietMs: QUIET_MS, processes })
    const { looks, peakMb } = await followed
    await loading
    await endAll(processes)
    const found = await audit({ brokers: to.brokers, topic: contender.target, records })
    const waited = looks.find(({ end }) => end >= cutAt + backlog)
    const drainedPerSecond = ((cutAt + backlog - arrived) / (waited?.atMs ?? Number.NaN)) * 1_000
    const result = { backlog, drainedPerSecond, peakMb, audit: found }
    bench.say(`  ${contender.name}: ${thousands(drainedPerSecond)} records/s; ${told(found)}; ${megabytes(peakMb)}`)
    return result
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

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await setTimeout(20)
}

async function endAll(processes: readonly Running[]): Promise<void> {
  await Promise.all(processes.map((one) => one.end()))
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

const isExact = ({ lost, repeated, reordered, strange }: Audit): boolean => lost + repeated + reordered + strange === 0

const isSmall = (peakMb: readonly number[]): boolean => peakMb.every((one) => one <= MEMORY_MB)

const perCpuSecond = ({ records, cpuSeconds }: Copied): number => records / cpuSeconds

const megabytes = (peakMb: readonly number[]): string => `${peakMb.map((one) => Math.round(one)).join(' + ')} MB`

function describe(copied: Copied): string {
  const { records, seconds, peakMb } = copied
  const rates = `${thousands(records / seconds)} records/s (${thousands(perCpuSecond(copied))} per CPU-second`
  return `${rates}, ${megabytes(peakMb)}); ${told(copied.audit)}`
}

function told(found: Audit): string {
  const { lost, repeated, reordered, strange } = found
  const faults = Object.entries({ lost, repeated, reordered, strange }).filter(([, count]) => count > 0)
  return faults.length === 0 ? 'exact' : faults.map(([what, count]) => `${count} ${what}`).join(', ')
}
