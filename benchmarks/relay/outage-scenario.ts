// Kafka to Kafka over a line that was down.

import { type Measured, thousands } from '../mysql/measured.ts'
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
import { follow, StandsStill } from './following.ts'
import { fill } from './load.ts'
import { openSites } from './sites.ts'

/** The line goes down while records keep coming, and comes back once so many wait; they keep coming until all are there. */
export async function outage(bench: Bench): Promise<Measured[]> {
  const ours = await outageOf(bench, (sites) => millrace(sites))
  const theirs = bench.against === undefined ? undefined : await outageOf(bench, mirrorMaker)
  const { perSecond } = bench.outage
  const drained = (one: Outage): string =>
    `drained at ${thousands(one.drainedPerSecond)} records/s, ${(one.drainedPerSecond / perSecond).toFixed(1)} × the input`
  const tell = (one: Outage): string =>
    `${one.restarted ? 'stood still, started again: ' : ''}${drained(one)}; ${told(one.audit)}; ${megabytes(one.peakMb)}`
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
  /** It had to be started again: it stood still. */
  readonly restarted: boolean
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
  let processes = await contender.start()
  try {
    const { from, to, topic } = sites
    const loading = fill({ brokers: from.brokers, topic, records, perSecond })
    // Else a load that fails would be waited for.
    const come = (isSo: () => Promise<boolean>): Promise<void> =>
      Promise.race([until(isSo), loading.then(() => until(isSo))])
    await come(async () => (await to.end(contender.target)) >= backlog * 0.05)
    contender.line.cut()
    // A small load may all be there before the first checkpoint brings any of it over.
    const due = Math.min((await from.end(topic)) + backlog, records)
    await come(async () => (await from.end(topic)) >= due)
    contender.line.heal()
    const arrived = await to.end(contender.target)
    const remaining = { broker: to, topic: contender.target, records, quietMs: QUIET_MS }
    let restarted = false
    const { looks, peakMb } = await follow({ ...remaining, processes }).catch(async (error) => {
      if (!(error instanceof StandsStill)) throw error
      bench.say(`  ${contender.name} stands still: started again`)
      restarted = true
      await endAll(processes)
      processes = await contender.start()
      return follow({ ...remaining, processes })
    })
    await loading
    await endAll(processes)
    const found = await audit({ brokers: to.brokers, topic: contender.target, records })
    const waited = looks.find(({ end }) => end >= due)
    const drainedPerSecond = ((due - arrived) / (waited?.atMs ?? Number.NaN)) * 1_000
    const result = { backlog, drainedPerSecond, restarted, peakMb, audit: found }
    bench.say(`  ${contender.name}: ${thousands(drainedPerSecond)} records/s; ${told(found)}; ${megabytes(peakMb)}`)
    return result
  } finally {
    await endAll(processes)
    await contender.close()
    await sites.close()
  }
}
