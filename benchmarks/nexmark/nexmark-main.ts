// npm run bench:nexmark [-- q5 q7 …] [-- --events N] [-- --rounds N] [-- --against flink] [-- --heap-only]

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { flinkPeer } from '../flink-peer.ts'
import { machine } from '../report.ts'
import { GOALS } from './goals.ts'
import { type Comparison, measureQuery } from './measure-query.ts'
import { tableOf } from './table.ts'

const RESULTS = new URL('./results.json', import.meta.url)

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    events: { type: 'string' },
    rounds: { type: 'string', default: '1' },
    against: { type: 'string' },
    'heap-only': { type: 'boolean', default: false },
  },
})

const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** Throws unless the peer that was asked for is there. */
function peerAsked(): string | undefined {
  if (flags.against === undefined) return undefined
  if (flags.against !== 'flink') throw new Error(`--against ${flags.against}: expected flink`)
  const peer = flinkPeer()
  if (peer === undefined) throw new Error('--against flink: MILLRACE_FLINK_PEER must name the folder of a built peer')
  return peer
}

const comparisons: Comparison[] = []
const options = {
  events: flags.events === undefined ? undefined : Number(flags.events),
  rounds: Number(flags.rounds),
  heapOnly: flags['heap-only'],
  peer: peerAsked(),
  say,
}
for (const query of positionals.length > 0 ? positionals : Object.keys(GOALS)) {
  comparisons.push(...(await measureQuery(query, options)))
}
const { cpu, cores, memoryGb, node } = machine()
say(`\n${cpu}, ${cores} cores, ${memoryGb} GB, Node ${node}\n\n${tableOf(comparisons)}`)
writeFileSync(RESULTS, `${JSON.stringify({ machine: machine(), comparisons }, null, 2)}\n`)
