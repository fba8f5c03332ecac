// From MySQL to MySQL, beside the server's own replica: each applies the same log, one after the other, nothing else going on.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from 'millrace/runtime'
import { connect, createTable, type Operation, write } from './load.ts'
import { type Measured, thousands } from './measured.ts'
import type { Bench } from './read-scenarios.ts'
import { applyAll, attachReplica, value } from './replica.ts'
import { type Server, startMysql } from './servers.ts'

const JOB = fileURLToPath(new URL('../../jobs/mysql-to-mysql.ts', import.meta.url))
const TABLE = 'millrace.t'
const OPERATIONS: readonly Exclude<Operation, 'fill'>[] = ['insert', 'update', 'delete']
/** The published ratio of a tool to its server's replica. */
const REPLICA_TIMES = 0.968

/** One statement on each row, 1,000 a transaction. */
export async function sync({ server, connection, scale, say }: Bench): Promise<Measured[]> {
  const rows = Math.round(426_570 * scale)
  const target = await startMysql()
  const replica = await startMysql()
  const parallelReplica = await startMysql()
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  try {
    await createTable(connection, TABLE)
    const applied = await attachReplica(replica, server)
    const parallel = await attachReplica(parallelReplica, server)
    // The table is there on all sides, and the job has a checkpoint to go on from.
    await applyAll(applied, connection, 1)
    await applyAll(parallel, connection, 4)
    await syncOnce(server, target, dataDir)
    const measured: Measured[] = []
    for (const operation of OPERATIONS) {
      await write(connection, { operation, table: TABLE, first: 1, rows, perTransaction: 1000 })
      const own = await syncOnce(server, target, dataDir)
      say(`  ${operation}: Millrace ${thousands(rows / own)} rows/s`)
      await compareTables(connection, target)
      const one = await applyAll(applied, connection, 1)
      const four = await applyAll(parallel, connection, 4)
      say(`  ${operation}: replica ${thousands(rows / one)} rows/s, with four appliers ${thousands(rows / four)}`)
      measured.push(beside(operation, rows, own, { one, four }))
    }
    await applied.end()
    await parallel.end()
    return measured
  } finally {
    target.stop()
    replica.stop()
    parallelReplica.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

/** Seconds that the replicas took. */
interface Replicas {
  readonly one: number
  readonly four: number
}

function beside(operation: string, rows: number, own: number, { one, four }: Replicas): Measured {
  return {
    name: `MySQL → MySQL, ${thousands(rows)} rows, ${operation}`,
    ours: `${thousands(rows / own)} rows/s`,
    beside: `the server's replica, one applier: ${thousands(rows / one)} rows/s; four: ${thousands(rows / four)} rows/s`,
    ratio: one / own,
    goal: `≥ ${REPLICA_TIMES} × one applier`,
    met: one / own >= REPLICA_TIMES,
  }
}

/** A batch run catches up and ends. Seconds in which it ran. */
async function syncOnce(source: Server, target: Server, dataDir: string): Promise<number> {
  let since = performance.now()
  const running = run(JOB, {
    mode: 'batch',
    dataDir,
    settings: { from: source.url, to: target.url, tables: TABLE },
    checkpoint: { intervalMs: 1000 },
    restart: { strategy: 'none' },
  })
  running.state$.subscribe((state) => {
    if (state === 'running') since = performance.now()
  })
  const { state, failure } = await running.result
  if (state !== 'finished') throw new Error(`the job ${state}: ${failure?.message}`)
  return (performance.now() - since) / 1000
}

async function compareTables(source: Bench['connection'], target: Server): Promise<void> {
  const connection = await connect(target.url)
  const sql = `SELECT CONCAT(COUNT(*), ' ', COALESCE(SUM(CRC32(CONCAT_WS('|', id, name, email, amount, ts, n, note, doc))), 0)) FROM ${TABLE}`
  const [there, here] = [await value(source, sql), await value(connection, sql)]
  await connection.end()
  if (there !== here) throw new Error(`the tables differ: ${there} and ${here}`)
}
