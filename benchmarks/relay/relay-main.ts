// npm run bench:relay [-- copy outage kill line compression] [-- --against mirrormaker] [--scale 0.1] [--rounds 1] [--smoke]
//   [--outage-records 18000000] [--outage-rate 40000]

import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Measured, tableOf } from '../mysql/measured.ts'
import { machine } from '../report.ts'
import type { Bench } from './comparing.ts'
import { copy, kill } from './copy-scenarios.ts'
import { compression, line } from './line-scenarios.ts'
import { installMirrorMaker } from './mirror-maker.ts'
import { outage } from './outage-scenario.ts'

const SCENARIOS: Readonly<Record<string, (bench: Bench) => Promise<readonly Measured[]>>> = {
  ...{ copy, outage, kill, line, compression },
}
const SMOKE_SCALE = 0.01
const PAGE = new URL('../README.md', import.meta.url)
const RESULTS = new URL('./results.json', import.meta.url)

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    scale: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
    against: { type: 'string' },
    smoke: { type: 'boolean', default: false },
    'outage-records': { type: 'string', default: '2000000' },
    'outage-rate': { type: 'string', default: '40000' },
  },
})
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const unknown = positionals.filter((name) => !Object.hasOwn(SCENARIOS, name))
if (unknown.length > 0)
  throw new Error(`there is no ${unknown.join(', ')}; there are ${Object.keys(SCENARIOS).join(', ')}`)
const { against } = flags
if (against !== undefined && against !== 'mirrormaker')
  throw new Error(`there is no ${against} beside us: mirrormaker is`)
if (against !== undefined) installMirrorMaker()

const bench: Bench = {
  scale: flags.smoke ? SMOKE_SCALE : Number(flags.scale),
  rounds: flags.smoke ? 1 : Number(flags.rounds),
  outage: { records: Number(flags['outage-records']), perSecond: Number(flags['outage-rate']) },
  ...{ against, say },
}
const fresh: Measured[] = []
for (const name of positionals.length > 0 ? positionals : Object.keys(SCENARIOS)) {
  say(name)
  fresh.push(...((await SCENARIOS[name]?.(bench)) ?? []))
}
const { cpu, cores, memoryGb, node } = machine()
say(`\n${cpu}, ${cores} cores, ${memoryGb} GB, Node ${node}\n\n${tableOf(fresh)}`)
if (bench.scale === 1) keep(fresh)
if (flags.smoke && fresh.some(({ ours }) => /lost|repeated|reordered|strange/.test(ours))) process.exitCode = 1

/** In results.json, and on the page in place of rows of the same names; the others stay as they were. */
function keep(now: readonly Measured[]): void {
  writeFileSync(RESULTS, `${JSON.stringify({ machine: machine(), measured: now }, null, 2)}\n`)
  const page = readFileSync(PAGE, 'utf8')
  const from = page.indexOf('\n', page.indexOf('<!-- relay:begin')) + 1
  const to = page.indexOf('<!-- relay:end')
  const [head = '', line = '', ...rows] = tableOf(now).split('\n')
  const kept = page.slice(from, to).split('\n').slice(2, -1)
  const byName = new Map([...kept, ...rows].map((row) => [row.split(' | ')[0], row]))
  writeFileSync(PAGE, `${page.slice(0, from)}${[head, line, ...byName.values()].join('\n')}\n${page.slice(to)}`)
}
