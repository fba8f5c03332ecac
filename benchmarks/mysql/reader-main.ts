// One reading of a table or a log in a process of its own, started by readers.ts: answers with what it took.

import ZongJi from '@vlasky/zongji'
import { type Change, job } from 'millrace'
import { mysqlChanges } from 'millrace/connectors/mysql'
import { runHere } from '../run-here.ts'
import { Stopwatch } from '../stopwatch.ts'
import { CountingSink } from './counting-sink.ts'
import type { Reading, ReadingResult } from './readers.ts'

const reading = JSON.parse(process.argv[2] ?? '{}') as Reading
const watch = new Stopwatch()
const rows = await (reading.reader === 'zongji' ? readWithZongji(reading) : readWithMillrace(reading))
const { seconds, cpuSeconds } = watch.elapsed
const memoryMb = process.resourceUsage().maxRSS / 1024
process.send?.({ rows, seconds, cpuSeconds, memoryMb } satisfies ReadingResult)
process.exit()

/** A batch run ends where the log ends, or the table. */
async function readWithMillrace({ url, table, startup }: Reading): Promise<number> {
  const sink = new CountingSink<Change<unknown[]>>(watch)
  const reader = job('read', (flow) => {
    flow.from('log', mysqlChanges<unknown[]>({ url, tables: [table], startup, rows: 'array' })).to('count', sink)
  })
  await runHere(reader, { mode: startup === 'initial' ? 'stream' : 'batch', checkpoint: { intervalMs: 1000 } })
  return sink.count
}

/** The driver with an empty consumer. */
function readWithZongji({ url, table, startup, rows }: Reading): Promise<number> {
  if (typeof startup === 'string') throw new Error('the driver reads the log alone')
  const { hostname: host, port, username: user, password } = new URL(url)
  const [filename, position] = startup.offset.split(':') as [string, string]
  const [database, name] = table.split('.') as [string, string]
  const zongji = new ZongJi({ host, port: Number(port), user, password })
  let count = 0
  return new Promise((resolve, reject) => {
    zongji.on('error', reject)
    zongji.on('binlog', (event) => {
      const changed = (event as { rows?: readonly unknown[] }).rows
      if (changed === undefined) return
      watch.start()
      count += changed.length
      if (count < rows) return
      watch.stop()
      resolve(count)
    })
    zongji.start({
      serverId: 1_000_000 + process.pid,
      filename,
      position: Number(position),
      includeEvents: ['tablemap', 'writerows', 'updaterows', 'deleterows'],
      includeSchema: { [database]: [name] },
    })
  })
}
