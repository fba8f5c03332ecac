// npm run bench [-- --only NAME] [-- --write-baseline]; npm run bench:check; npm run bench:smoke.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Baseline, baselineOf, regressions } from './baseline.ts'
import { flinkPeer, runFlink } from './flink-peer.ts'
import { runInFreshProcess } from './fresh-process.ts'
import { machine, type Report, tableOf } from './report.ts'
import type { Bench, CaseRun, ProcessResult, Row } from './scenario.ts'
import { SCENARIOS } from './scenarios.ts'

const RESULTS = new URL('./results.json', import.meta.url)
const BASELINE = new URL('./baseline.json', import.meta.url)

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '3' },
    smoke: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    'write-baseline': { type: 'boolean', default: false },
  },
})

const say = (line: string): void => void process.stdout.write(`${line}\n`)

function makeBench(): Bench {
  const rounds = flags.smoke ? 1 : Number(flags.rounds)
  const peer = flags.smoke ? undefined : flinkPeer()
  if (!flags.smoke && peer === undefined)
    say('Flink is not measured: MILLRACE_FLINK_PEER does not name a built peer.\n')
  return {
    scale: flags.smoke ? 0.005 : 1,
    smoke: flags.smoke,
    compare: (cases) => compare(cases, rounds),
    flink: async (workload, options) => (peer === undefined ? undefined : runFlink(peer, workload, options)),
  }
}

/** Cases take turns, so that a machine that grows slower does so for all of them. */
async function compare(cases: readonly CaseRun[], rounds: number): Promise<ProcessResult[][]> {
  const results: ProcessResult[][] = cases.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (const [i, one] of cases.entries()) {
      const result = await runInFreshProcess(one)
      process.stderr.write(
        `  ${one.scenario}/${one.name} ${JSON.stringify(one.params)}: ${result.seconds.toFixed(2)} s\n`,
      )
      results[i]?.push(result)
    }
  }
  const sums = new Set(results.flat().map(({ checksum }) => checksum))
  if (sums.size > 1) throw new Error(`${cases[0]?.scenario}: cases did not do the same work: ${[...sums].join(', ')}`)
  return results
}

async function measureAll(): Promise<Report> {
  const bench = makeBench()
  const rows: Row[] = []
  for (const scenario of SCENARIOS) {
    if (flags.only !== undefined && !flags.only.includes(scenario.name)) continue
    rows.push(...(await scenario.measure(bench)))
  }
  return { machine: machine(), rows }
}

function checkAgainstBaseline(report: Report): void {
  if (!existsSync(BASELINE)) throw new Error('there is no benchmarks/baseline.json: npm run bench -- --write-baseline')
  const worse = regressions(JSON.parse(readFileSync(BASELINE, 'utf8')) as Baseline, report.rows)
  for (const sentence of worse) say(`regression: ${sentence}`)
  if (worse.length > 0) process.exitCode = 1
  else say('no regression against the baseline')
}

const report = await measureAll()
if (flags.smoke) {
  say(`benchmark smoke: ${report.rows.length} rows, every case ran and gave the same as its plain loop`)
} else {
  const { cpu, cores, memoryGb, node } = report.machine
  say(`${cpu}, ${cores} cores, ${memoryGb} GB, Node ${node}\n\n${tableOf(report.rows)}`)
  writeFileSync(RESULTS, `${JSON.stringify(report, null, 2)}\n`)
  if (flags['write-baseline']) writeFileSync(BASELINE, `${JSON.stringify(baselineOf(report), null, 2)}\n`)
  if (flags.check) checkAgainstBaseline(report)
}
