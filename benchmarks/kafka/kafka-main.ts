// npm run bench:kafka [-- consume produce count stall] [-- --scale 0.1] [--stall-seconds 300]

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Measured, tableOf } from '../mysql/measured.ts'
import { machine } from '../report.ts'
import { type Broker, startBroker } from './broker.ts'
import { type Bench, consume, count, produce, stall } from './scenarios.ts'

const SCENARIOS: Readonly<Record<string, (bench: Bench) => Promise<readonly Measured[]>>> = {
  consume: async (bench) => [await consume(bench, 8), await consume(bench, 1)],
  produce: async (bench) => [...(await produce(bench, 8)), ...(await produce(bench, 1))],
  count: async (bench) => [await count(bench)],
  stall: async (bench) => [await stall(bench)],
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { scale: { type: 'string', default: '1' }, 'stall-seconds': { type: 'string', default: '10' } },
})
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const unknown = positionals.filter((name) => !Object.hasOwn(SCENARIOS, name))
if (unknown.length > 0)
  throw new Error(`there is no ${unknown.join(', ')}; there are ${Object.keys(SCENARIOS).join(', ')}`)

const measured: Measured[] = []
for (const name of positionals.length > 0 ? positionals : Object.keys(SCENARIOS)) {
  const broker: Broker = await startBroker()
  try {
    say(name)
    const stallMs = Number(flags['stall-seconds']) * 1_000
    measured.push(...((await SCENARIOS[name]?.({ broker, scale: Number(flags.scale), stallMs, say })) ?? []))
  } finally {
    await broker.stop()
  }
}
const { cpu, cores, memoryGb, node } = machine()
say(`\n${cpu}, ${cores} cores, ${memoryGb} GB, Node ${node}\n\n${tableOf(measured)}`)
writeFileSync(
  new URL('./results.json', import.meta.url),
  `${JSON.stringify({ machine: machine(), measured }, null, 2)}\n`,
)
