// A storm: jobs/mysql-to-mysql.ts, as it is shipped, copies a database that others work on; it is killed again and again and started
// with other parallelism, and at the end the copy must be equal, by what the servers say.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Rng, seededRng } from '../../src/util/rng.ts'
import { difference } from '../support/mysql-digest.ts'
import type { TestServer } from '../support/mysql-servers.ts'
import { createTables, Workload } from '../support/mysql-workload.ts'
import { startBin } from '../support/run-job.ts'

const JOB = fileURLToPath(new URL('../../jobs/mysql-to-mysql.ts', import.meta.url))

export interface StormOptions {
  readonly server: TestServer
  readonly seed: number
  /** How often the job is killed. */
  readonly kills: number
  /** Of each of three connections, in all. */
  readonly transactions: number
  /** How the job reaches the source; default: as everybody. */
  readonly through?: (url: string) => string
}

/** Runs it to its end: what differs then ('' if nothing), with what the last run of the job said. */
export async function storm({
  server,
  seed,
  kills,
  transactions,
  through = (url) => url,
}: StormOptions): Promise<string> {
  const rng = seededRng(seed)
  const [from, to] = [await server.database('from'), await server.database('to')]
  const session = await server.connection(from)
  await createTables(session, server.flavour, 20 + rng.int(300))
  const workload = new Workload({
    url: server.url(from),
    flavour: server.flavour,
    rng: seededRng(seed + 1),
    connections: 3,
    transactionsPerDdl: 20,
    pauseMs: 8,
  })
  await workload.open()
  const dataDir = await mkdtemp(join(tmpdir(), 'mysql-storm-'))
  const sync = (args: readonly string[]) =>
    startSync({ from: through(server.url()), to: server.url(), database: from, copy: to, dataDir, rng }, args)
  try {
    // Something to read in chunks before the first run.
    await workload.run(Math.ceil(transactions / 4))
    for (let n = 0; n < kills; n++) {
      const running = sync([])
      await Promise.all([workload.run(Math.ceil(transactions / kills)), killAtRandom(running, rng)])
    }
    const last = await sync(['--batch']).result
    const differs = await difference({ session, database: from }, { session, database: to })
    if (last.code !== 0) return `the last run ended with ${last.code}:\n${last.stderr.slice(-6000)}`
    return differs
  } finally {
    workload.close()
    await rm(dataDir, { recursive: true })
  }
}

interface SyncOptions {
  readonly from: string
  readonly to: string
  readonly database: string
  readonly copy: string
  readonly dataDir: string
  readonly rng: Rng
}

function startSync({ from, to, database, copy, dataDir, rng }: SyncOptions, args: readonly string[]) {
  const settings = [`from=${from}`, `to=${to}`, `tables=${database}.*`, `into=${database}:${copy}`, 'discovery=0.2']
  return startBin('run-job', [
    JOB,
    ...settings.flatMap((pair) => ['--set', pair]),
    ...['--data-dir', dataDir, '--parallelism', String(1 + rng.int(3)), '--checkpoint-interval', '100ms'],
    ...['--restart', 'fixed-delay', '--restart-attempts', '5', '--restart-delay', '200ms'],
    ...args,
  ])
}

/** While it starts, reads in full, follows, or takes a checkpoint. A job that ends by itself meanwhile has failed. */
async function killAtRandom({ child, result, seen }: ReturnType<typeof startBin>, rng: Rng): Promise<void> {
  const waitFor = rng.int(4) === 0 ? Promise.resolve() : seen(/status=complete/)
  await waitFor.catch(() => {}) // its end is told below
  await new Promise((resolve) => setTimeout(resolve, rng.int(900)))
  child.kill('SIGKILL')
  const { code, stderr } = await result
  if (code !== null) throw new Error(`the job ended by itself, with ${code}:\n${stderr.slice(-6000)}`)
}
