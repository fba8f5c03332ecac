// Reading: the log, the table, the way from one to the other.

import type { Connection, RowDataPacket } from 'mysql2/promise'
import { follow, writeLoad } from './following.ts'
import { createTable, type Operation, write } from './load.ts'
import { type Measured, thousands } from './measured.ts'
import { type PeerReading, peers } from './peers.ts'
import { type ReadingResult, read } from './readers.ts'
import { value } from './replica.ts'
import type { Server } from './servers.ts'

const TABLE = 'millrace.t'

/** What scenarios work with. */
export interface Bench {
  readonly server: Server
  readonly connection: Connection
  /** 1 for a full run; rows are multiplied by it. */
  readonly scale: number
  readonly say: (line: string) => void
}

interface Place {
  readonly file: string
  readonly position: number
  readonly gtids: string
  /** As an option of ours. */
  readonly offset: string
}

async function endOfLog(connection: Connection): Promise<Place> {
  const [rows] = await connection.query<RowDataPacket[]>('SHOW BINARY LOG STATUS')
  const { File: file, Position: position, Executed_Gtid_Set: gtids } = rows[0] as RowDataPacket
  return { file, position, gtids: gtids.replaceAll('\n', ''), offset: `${file}:${position}` }
}

/** Beside the driver with an empty consumer. */
export async function readLog(bench: Bench, name: string, rows: number, perTransaction: number): Promise<Measured> {
  const { connection, server, say } = bench
  const operation: Operation = perTransaction === 1 ? 'insert' : 'fill'
  await createTable(connection, TABLE)
  const start = await endOfLog(connection)
  await write(connection, { operation, table: TABLE, first: 1, rows, perTransaction })
  const reading = { url: server.url, table: TABLE, startup: { offset: start.offset }, rows }
  const driver = await read({ ...reading, reader: 'zongji' })
  say(`  zongji with an empty consumer: ${describe(driver)}`)
  const ours = await read({ ...reading, reader: 'millrace' })
  say(`  Millrace: ${describe(ours)}`)
  if (ours.rows !== rows || driver.rows !== rows)
    throw new Error(`${ours.rows} and ${driver.rows} of ${rows} rows came`)
  const others = await besidePeers(bench, { port: server.port, table: 't', start, rows })
  const ratio = perSecond(ours) / perSecond(driver)
  return {
    name,
    ours: describe(ours),
    beside: [`zongji, empty: ${describe(driver)}`, ...others].join('; '),
    ratio,
    goal: '≥ 0.8 × zongji',
    met: ratio >= 0.8,
  }
}

export async function readTable(bench: Bench, rows: number): Promise<Measured> {
  const { connection, server } = bench
  await createTable(connection, TABLE)
  await write(connection, { operation: 'fill', table: TABLE, first: 1, rows, perTransaction: 1000 })
  const ours = await read({ url: server.url, table: TABLE, startup: 'snapshot', rows, reader: 'millrace' })
  if (ours.rows !== rows) throw new Error(`${ours.rows} of ${rows} rows came`)
  return {
    name: `snapshot of ${thousands(rows)} rows, one reader`,
    ours: describe(ours),
    beside: (await besidePeers(bench, { port: server.port, table: 't', start: 'snapshot', rows })).join('; '),
    ratio: undefined,
    goal: '≥ 250 K rows/s, ≤ 512 MB',
    met: perSecond(ours) >= 250_000 && ours.memoryMb <= 512,
  }
}

export async function handOff(bench: Bench, rows: number): Promise<Measured> {
  const { connection, server } = bench
  await createTable(connection, TABLE)
  await write(connection, { operation: 'fill', table: TABLE, first: 1, rows, perTransaction: 1000 })
  const { lastLateMs } = await follow({ url: server.url, table: TABLE, startup: 'initial', rows, marker: true })
  return {
    name: 'hand-off: a row written after the snapshot, to the sink',
    ours: `${Math.round(lastLateMs)} ms`,
    beside: '',
    ratio: undefined,
    goal: '≤ 250 ms',
    met: lastLateMs <= 250,
  }
}

export async function lag(bench: Bench, rows: number, rate: number): Promise<Measured> {
  const { connection, server } = bench
  await createTable(connection, TABLE)
  const { offset } = await endOfLog(connection)
  const following = follow({ url: server.url, table: TABLE, startup: { offset }, rows, marker: false })
  await writeLoad(server.url, { operation: 'insert', table: TABLE, first: 1, rows, perTransaction: 50, rate })
  const { p50Ms, p99Ms } = await following
  return {
    name: `lag at ${thousands(rate)} rows/s`,
    ours: `p50 ${Math.round(p50Ms)} ms, p99 ${Math.round(p99Ms)} ms`,
    beside: '',
    ratio: undefined,
    goal: 'p99 ≤ 250 ms',
    met: p99Ms <= 250,
  }
}

/** A backlog is read while the load goes on. */
export async function catchUp(bench: Bench, rows: number, rate: number): Promise<Measured> {
  const { connection, server } = bench
  await createTable(connection, TABLE)
  const { offset } = await endOfLog(connection)
  await write(connection, { operation: 'fill', table: TABLE, first: 1, rows, perTransaction: 1000 })
  const more = rate * 60
  const load = { operation: 'insert', table: TABLE, first: rows + 1, rows: more, perTransaction: 50, rate } as const
  const going = writeLoad(server.url, load)
  const before = Number(await value(connection, `SELECT COUNT(*) FROM ${TABLE}`))
  const { rows: read, seconds } = await follow({
    url: server.url,
    table: TABLE,
    startup: { offset },
    rows: before,
    marker: false,
  })
  await going
  const ratio = read / seconds / rate
  return {
    name: `catch-up of ${thousands(read)} rows while ${thousands(rate)} rows/s go on`,
    ours: `${thousands(read / seconds)} rows/s`,
    beside: 'the live rate',
    ratio,
    goal: '≥ 3 ×',
    met: ratio >= 3,
  }
}

/** The same reading by the peers that are there, one after the other. */
async function besidePeers({ say }: Bench, reading: PeerReading): Promise<string[]> {
  const lines: string[] = []
  for (const [name, peer] of peers()) {
    lines.push(`${name}: ${describe(await peer(reading))}`)
    say(`  ${lines.at(-1)}`)
  }
  return lines
}

function perSecond({ rows, seconds }: ReadingResult): number {
  return rows / seconds
}

function describe(result: ReadingResult): string {
  const { rows, cpuSeconds, memoryMb } = result
  return `${thousands(perSecond(result))} rows/s (${thousands(rows / cpuSeconds)} per CPU-second, ${Math.round(memoryMb)} MB)`
}
