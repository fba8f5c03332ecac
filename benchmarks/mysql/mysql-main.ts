// npm run bench:mysql [-- log snapshot hand-off lag catch-up sync] [-- --scale 0.1]

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { machine } from '../report.ts'
import { connect } from './load.ts'
import { type Measured, tableOf } from './measured.ts'
import { type Bench, catchUp, handOff, lag, readLog, readTable } from './read-scenarios.ts'
import { startMysql } from './servers.ts'
import { sync } from './sync-scenario.ts'

const SCENARIOS: Readonly<Record<string, (bench: Bench) => Promise<readonly Measured[]>>> = {
  log: async (bench) => [
    await readLog(bench, 'log, 1,000 rows a transaction', 1_000_000 * bench.scale, 1000),
    await readLog(bench, 'log, one row a transaction', 200_000 * bench.scale, 1),
  ],
  snapshot: async (bench) => [await readTable(bench, 2_000_000 * bench.scale)],
  'hand-off': async (bench) => [await handOff(bench, 200_000 * bench.scale)],
  lag: async (bench) => [await lag(bench, 600_000 * bench.scale, 20_000)],
  'catch-up': async (bench) => [await catchUp(bench, 1_000_000 * bench.scale, 20_000)],
  sync,
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { scale: { type: 'string', default: '1' } },
})
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const unknown = positionals.filter((name) => !Object.hasOwn(SCENARIOS, name))
if (unknown.length > 0)
  throw new Error(`there is no ${unknown.join(', ')}; there are ${Object.keys(SCENARIOS).join(', ')}`)

const measured: Measured[] = []
for (const name of positionals.length > 0 ? positionals : Object.keys(SCENARIOS)) {
  const server = await startMysql()
  try {
    const connection = await connect(server.url)
    await connection.query('CREATE DATABASE millrace')
    say(name)
    measured.push(...((await SCENARIOS[name]?.({ server, connection, scale: Number(flags.scale), say })) ?? []))
    await connection.end()
  } finally {
    server.stop()
  }
}
const { cpu, cores, memoryGb, node } = machine()
say(`\n${cpu}, ${cores} cores, ${memoryGb} GB, Node ${node}\n\n${tableOf(measured)}`)
writeFileSync(
  new URL('./results.json', import.meta.url),
  `${JSON.stringify({ machine: machine(), measured }, null, 2)}\n`,
)
