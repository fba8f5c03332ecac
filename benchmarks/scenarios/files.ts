// 500 MB of NDJSON: parse, filter, project, write NDJSON, exactly once; against a loop over a read and a write stream.

import { once } from 'node:events'
import { createReadStream, createWriteStream, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { job } from 'millrace'
import { filesSink, filesSource } from 'millrace/connectors/files'
import { keyAt } from '../key-value.ts'
import { memoryRow } from '../memory-row.ts'
import { runHere } from '../run-here.ts'
import type { Case, CaseResult, Scenario } from '../scenario.ts'
import { Stopwatch } from '../stopwatch.ts'
import { throughputRow } from '../throughput-row.ts'

const BYTES = 500e6
const LINES_A_CHUNK = 1000

interface Order {
  readonly id: number
  readonly customer: number
  readonly status: string
  readonly cents: number
  readonly placedAt: string
  readonly note: string
}

const paid = (order: Order): boolean => order.status === 'paid'
const projected = ({ id, customer, cents }: Order): Pick<Order, 'id' | 'customer' | 'cents'> => ({
  id,
  customer,
  cents,
})

function orderLine(id: number): string {
  const order: Order = {
    id,
    customer: keyAt(id, 100_000),
    status: keyAt(id + 7, 3) === 0 ? 'new' : 'paid',
    cents: keyAt(id, 1_000_000),
    placedAt: new Date(1.7e12 + id * 1000).toISOString(),
    note: `order ${id} of customer ${keyAt(id, 100_000)}, left at the door`,
  }
  return `${JSON.stringify(order)}\n`
}

/** Writes about so many bytes of orders; returns how many lines. */
async function writeOrders(path: string, bytes: number): Promise<number> {
  const out = createWriteStream(path)
  let lines = 0
  for (let written = 0; written < bytes; ) {
    let chunk = ''
    for (let i = 0; i < LINES_A_CHUNK; i++) chunk += orderLine(lines++)
    written += chunk.length
    if (!out.write(chunk)) await once(out, 'drain')
  }
  out.end()
  await finished(out)
  return lines
}

/** By hand: split chunks at line ends, parse, filter, project, join what a chunk gave. */
async function transformByHand(from: string, to: string): Promise<void> {
  const out = createWriteStream(to)
  let rest = ''
  for await (const chunk of createReadStream(from, { encoding: 'utf8', highWaterMark: 1 << 20 })) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    let made = ''
    for (const line of lines) {
      const order = JSON.parse(line) as Order
      if (paid(order)) made += `${JSON.stringify(projected(order))}\n`
    }
    if (!out.write(made)) await once(out, 'drain')
  }
  out.end()
  await finished(out)
}

async function timed(
  params: { readonly from: string; readonly lines: number },
  work: (folder: string) => Promise<unknown>,
): Promise<CaseResult> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  const watch = new Stopwatch()
  try {
    watch.start()
    await work(folder)
    watch.stop()
    return { records: params.lines, ...watch.elapsed, checksum: checksumOf(folder) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Of all visible files: bytes and the sum of their values, whatever the number of parts. */
function checksumOf(folder: string): number {
  const files = readdirSync(folder).filter((name) => !name.startsWith('.'))
  return files.reduce((sum, name) => sum + readFileSync(join(folder, name)).reduce((a, b) => a + b, 0), 0)
}

const loop: Case = ({ from, lines }) =>
  timed({ from: String(from), lines: Number(lines) }, (folder) =>
    transformByHand(String(from), join(folder, 'out.ndjson')),
  )

const millrace: Case = ({ from, lines }) =>
  timed({ from: String(from), lines: Number(lines) }, (folder) => {
    const work = job('files', (flow) => {
      flow
        .from('orders', filesSource<Order>({ paths: String(from), format: 'ndjson' }))
        .filter('paid', paid)
        .map('project', projected)
        .to('lines', filesSink({ directory: folder, format: 'ndjson' }))
    })
    return runHere(work, { checkpoint: { intervalMs: 1000 } })
  })

export const files: Scenario = {
  name: 'files',
  cases: { loop, millrace },
  async measure(bench) {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
    try {
      const from = join(folder, 'orders.ndjson')
      const params = { from, lines: await writeOrders(from, BYTES * bench.scale) }
      const [ceiling = [], own = []] = await bench.compare([
        { scenario: 'files', name: 'loop', params },
        { scenario: 'files', name: 'millrace', params },
      ])
      const name = '500 MB NDJSON to NDJSON, exactly once'
      const row = throughputRow(name, own, ceiling, undefined, '350 K lines/s')
      return [{ ...row, met: bench.smoke ? undefined : row.value >= 350e3 }, memoryRow(bench, name, own, 0)]
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}
