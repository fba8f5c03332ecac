// Agents in a storm: a database of every kind of table that others write to and alter, its sender and receiver killed and the line cut at any
// moment; the copy ends equal, value for value.

import Libsql from 'libsql'
import { expect, it } from 'vitest'
import { type Rng, seededRng } from '../../src/util/rng.ts'
import { disturb, SCHEMA, settleTables } from '../src/connectors/sqlite/statement-storm.ts'
import { RelayAgents } from '../support/relay-agents.ts'
import type { BinProcess } from '../support/run-job.ts'
import { contentsOf } from '../support/sqlite-contents.ts'

const FULL = process.env.MILLRACE_FULL === '1'
const ROUNDS = FULL ? 20 : 8
const SEEDS = FULL ? [1, 2] : [1]

/** Others hold the lock at times: then nothing happens. */
function attempt(db: Libsql.Database, work: () => void): void {
  try {
    work()
  } catch (error) {
    if (!/locked/.test(String(error))) throw error
  } finally {
    if (db.inTransaction) db.exec('ROLLBACK')
  }
}

function write(db: Libsql.Database, rng: Rng, count: number): void {
  for (let n = 0; n < count; n++) {
    attempt(db, () => disturb(db, rng))
    attempt(db, () => db.exec(`INSERT OR REPLACE INTO altered (id, v) VALUES (${rng.int(50)}, ${rng.int(1000)})`))
  }
}

it.each(SEEDS)('seed %i', { timeout: FULL ? 900_000 : 240_000 }, async (seed) => {
  const rng = seededRng(seed)
  const agents = await RelayAgents.open()
  const db = new Libsql(agents.path('from.db'), { timeout: 10_000 } as Libsql.Options)
  db.exec(
    `PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; ${SCHEMA}; CREATE TABLE altered (id INTEGER PRIMARY KEY, v)`,
  )
  write(db, rng, 300)
  const started = () => ({ args: ['--parallelism', String(1 + rng.int(3))] })
  const send = () => agents.send({ end: { sqlite: { file: 'from.db', pollMs: 10, chunkSize: 20 } } }, started())
  const receive = () => agents.receive({ end: { sqlite: { file: 'to.db' } } }, started())
  const killed = async (bin: BinProcess): Promise<void> => {
    bin.signal('SIGKILL')
    await bin.result
  }
  let [east, west] = [send(), await receive()]
  try {
    for (let round = 0; round < ROUNDS; round++) {
      for (let burst = 0; burst < 10; burst++) {
        write(db, rng, 1 + rng.int(20))
        await new Promise((resolve) => setTimeout(resolve, rng.int(60)))
      }
      const [cut, east_, west_, alter] = [rng.int(3) === 0, rng.int(2) === 0, rng.int(2) === 0, rng.int(3) === 0]
      if (cut) agents.line.cut()
      if (east_) await killed(east)
      if (west_) await killed(west)
      if (alter) attempt(db, () => db.exec(`ALTER TABLE altered ADD COLUMN "r${round}" DEFAULT ${round}`))
      write(db, rng, rng.int(50))
      if (east_) east = send()
      if (west_) west = await receive()
      agents.line.mend()
    }
    settleTables(db)
    const expected = contentsOf(agents.path('from.db'))
    await expect.poll(() => contentsOf(agents.path('to.db')), { interval: 200 }).toEqual(expected)
  } finally {
    db.close()
    await agents.close()
  }
})
