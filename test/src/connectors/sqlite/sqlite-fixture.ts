// Files in a folder of their own, and sources run to a point in the simulated machine.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Libsql from 'libsql'
import { afterEach } from 'vitest'
import type { ChangeSplit } from '../../../../src/connectors/cdc/index.ts'
import type { SourceFunction } from '../../../../src/contract/source-function.ts'
import type { Change } from '../../../../src/record/change.ts'
import { seededRng } from '../../../../src/util/rng.ts'
import { SourceSimulation, type StrictSink } from '../cdc/source-simulation.ts'

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup()
})

/** A new database file, with a connection of another program to it. */
export function makeDatabase(sql = ''): {
  readonly file: string
  readonly folder: string
  readonly db: Libsql.Database
} {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-sqlite-'))
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'test.db')
  const db = new Libsql(file)
  cleanups.push(() => db.close())
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; ${sql}`)
  return { file, folder, db }
}

/** What a source gives, in order. */
export class Collected<Row> implements StrictSink<Change<Row>> {
  changes: Change<Row>[] = []
  apply(change: Change<Row>): void {
    this.changes.push(change)
  }
  snapshot(): unknown {
    return [...this.changes]
  }
  restore(state: unknown): void {
    this.changes = [...(state as Change<Row>[])]
  }
  /** Op and row, without the rest. */
  get brief(): unknown[] {
    return this.changes.map(({ op, before, after }) => (op === 'u' ? [op, before, after] : [op, after ?? before]))
  }
}

export interface Running<Row> {
  readonly sink: Collected<Row>
  readonly simulation: SourceSimulation<Change<Row>, ChangeSplit>
  /** Steps until the source has given so many changes. */
  until(changes: number): Promise<void>
  /** Steps until the source has ended. */
  end(): Promise<void>
}

export async function run<Row>(
  makeSource: () => SourceFunction<Change<Row>, ChangeSplit>,
  options: { readonly parallelism?: number; readonly mode?: 'stream' | 'batch' } = {},
): Promise<Running<Row>> {
  const sink = new Collected<Row>()
  const mode = options.mode ?? 'stream'
  const simulation = new SourceSimulation<Change<Row>, ChangeSplit>({
    rng: seededRng(1),
    makeSource,
    sink,
    mode,
    pollRecords: 100,
  })
  cleanups.push(() => void simulation.close())
  await simulation.start(options.parallelism ?? 1)
  const stepUntil = async (done: () => boolean): Promise<void> => {
    for (let n = 0; n < 20_000 && !done(); n++) await simulation.step()
    if (!done()) throw new Error(`not reached: ${JSON.stringify(sink.changes.length)} changes`)
  }
  return {
    sink,
    simulation,
    until: (changes) => stepUntil(() => sink.changes.length >= changes),
    end: () => stepUntil(() => simulation.ended),
  }
}
