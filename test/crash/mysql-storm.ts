// A storm: a job follows a database that others work on; it is killed again and again and started with other parallelism, until at last
// it is let catch up and end.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { seededRng } from '../../src/util/rng.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { difference } from '../support/mysql-digest.ts'
import type { TestServer } from '../support/mysql-servers.ts'
import { createTables, touchAll, Workload } from '../support/mysql-workload.ts'
import { disturb, killAtRandom, Runs, stopWhen } from './storm.ts'

export interface StormOptions {
  readonly server: TestServer
  readonly seed: number
  /** How often the job is killed. */
  readonly kills: number
  /** Of each of three connections, in all. */
  readonly transactions: number
  /** The job's connections to the source are cut, reset, delayed and left half-open meanwhile. */
  readonly faults?: boolean
}

/** A database under way. */
export interface Storm {
  readonly database: string
  /** A folder for what the job leaves. */
  readonly folder: string
  /** Where the job reaches the source. */
  readonly url: string
  /**
   * Works on the database, and kills what `args` starts. Then `args` runs in peace until it ends: in batch mode or, where `isDone` is
   * given, when that holds. Throws if it fails.
   */
  blow(args: readonly string[], isDone?: () => Promise<boolean>): Promise<void>
}

/** jobs/mysql-to-mysql.ts, as it is shipped, under a storm: what differs in the end, '' if nothing. */
export function copyInStorm(options: StormOptions): Promise<string> {
  const { server } = options
  const job = fileURLToPath(new URL('../../jobs/mysql-to-mysql.ts', import.meta.url))
  return inStorm(options, true, async ({ database, url, blow }) => {
    const copy = await server.database('to')
    const settings = [`from=${url}`, `to=${server.url(copy)}`, `tables=${database}.*`, 'discovery=0.2']
    await blow([job, ...settings.flatMap((pair) => ['--set', pair])])
    const session = await server.connection()
    return difference({ session, database }, { session, database: copy })
  })
}

/** Makes a database to storm over, in a test. `truncates`: tables are emptied and dropped, too. */
export async function inStorm<T>(
  { server, seed, kills, transactions, faults = false }: StormOptions,
  truncates: boolean,
  use: (storm: Storm) => Promise<T>,
): Promise<T> {
  const rng = seededRng(seed)
  const runs = new Runs(rng, faults ? 10_000 : 0)
  onTestFinished(() => runs.end())
  const { flavour } = server
  const database = await server.database('from')
  await createTables(await server.connection(database), flavour, 20 + rng.int(300))
  const workload = new Workload({
    ...{ url: server.url(database), flavour, rng: seededRng(seed + 1), truncates },
    ...{ connections: 3, transactionsPerDdl: 20, pauseMs: 8 },
  })
  const folder = await mkdtemp(join(tmpdir(), 'mysql-storm-'))
  const direct = new URL(server.url())
  const proxy = faults ? await FaultProxy.to(Number(direct.port)) : undefined
  const url = proxy === undefined ? direct.href : Object.assign(new URL(direct), { port: proxy.port }).href
  try {
    await workload.open()
    await workload.run(Math.ceil(transactions / 4)) // something to read in chunks before the first run
    const blow: Storm['blow'] = async (args, isDone) => {
      for (let n = 0; n < kills; n++) {
        const work = workload.run(Math.ceil(transactions / kills))
        const trouble = proxy === undefined ? undefined : disturb(proxy, rng)
        await Promise.all([work, killAtRandom(runs.start(folder, args), rng)])
        await trouble?.()
      }
      if (isDone === undefined) await touchAll(await server.connection(database))
      const last = runs.start(folder, isDone === undefined ? [...args, '--batch'] : args, 0)
      if (isDone !== undefined) await stopWhen(last, isDone)
      const { code, stderr } = await last.result
      if (code !== 0) throw new Error(`the last run ended with ${code}:\n${stderr.slice(-6000)}`)
    }
    return await use({ database, folder, url, blow })
  } finally {
    await runs.end()
    workload.close()
    await proxy?.close()
    await rm(folder, { recursive: true })
  }
}
