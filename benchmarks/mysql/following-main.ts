// Follows a table while it is written, in a process of its own: how late changes come, and how fast a backlog goes.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Change, job, UpsertSinkFunction } from 'millrace'
import { mysqlChanges } from 'millrace/connectors/mysql'
import { run } from 'millrace/runtime'
import { percentile } from '../statistics.ts'
import type { Following, FollowingResult } from './following.ts'
import { connect } from './load.ts'

const { url, table, startup, rows, marker } = JSON.parse(process.argv[2] ?? '{}') as Following

/** Starting the job is no lateness of its changes. */
const WARM_UP_MS = 3000

class WatchingSink extends UpsertSinkFunction<Change<{ id: bigint; ts: string }>> {
  count = 0
  markedAtMs = 0
  readonly lateMs: number[] = []
  readonly #startedAtMs = performance.now()

  write(changes: readonly Change<{ id: bigint; ts: string }>[]): void {
    const now = Date.now()
    this.count += changes.length
    const noted = marker || performance.now() - this.#startedAtMs > WARM_UP_MS
    for (const { after } of noted ? changes : [])
      if (after !== null) this.lateMs.push(now - Date.parse(`${after.ts.replace(' ', 'T')}Z`))
    if (marker && this.markedAtMs === 0 && this.count >= rows) void this.#mark()
    else if (this.count >= rows + (marker ? 1 : 0)) this.#answer()
  }

  flush(): void {}

  /** One more row, as soon as the table was read. */
  async #mark(): Promise<void> {
    this.markedAtMs = Date.now()
    const connection = await connect(url)
    await connection.query(
      `INSERT INTO ${table} SELECT MAX(id) + 1, 'marker', '', 0, NOW(6), 0, NULL, NULL FROM ${table}`,
    )
    await connection.end()
  }

  #answer(): void {
    const seconds = (performance.now() - this.#startedAtMs) / 1000
    const last = this.lateMs.at(-1) ?? Number.NaN
    process.send?.({
      rows: this.count,
      seconds,
      lastLateMs: last,
      p50Ms: percentile(this.lateMs, 0.5),
      p99Ms: percentile(this.lateMs, 0.99),
    } satisfies FollowingResult)
    rmSync(dataDir, { recursive: true, force: true })
    process.exit()
  }
}

const dataDir = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
const following = job('follow', (flow) => {
  flow
    .from('changes', mysqlChanges<{ id: bigint; ts: string }>({ url, tables: [table], startup }))
    .to('watch', new WatchingSink())
})
const result = await run(following, { dataDir, checkpoint: { intervalMs: 1000 }, restart: { strategy: 'none' } }).result
throw new Error(`the job ${result.state}: ${result.failure?.message}`)
