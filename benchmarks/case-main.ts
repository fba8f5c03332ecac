// One case in a process of its own, started by fresh-process.ts: its memory, its compiled code and its garbage are nobody else's.

import type { CaseParams, ProcessResult } from './scenario.ts'
import { SCENARIOS } from './scenarios.ts'

/** Linux and macOS differ in the unit of maxRSS; Node tells kilobytes on both. */
const peakMemoryMb = (): number => process.resourceUsage().maxRSS / 1024

async function runCase(scenarioName: string, caseName: string, params: CaseParams): Promise<ProcessResult> {
  const found = SCENARIOS.find(({ name }) => name === scenarioName)?.cases[caseName]
  if (found === undefined) throw new Error(`there is no case ${caseName} of scenario ${scenarioName}`)
  const result = await found(params)
  return { ...result, memoryMb: peakMemoryMb() }
}

const [, , scenarioName = '', caseName = '', params = '{}'] = process.argv
process.send?.(await runCase(scenarioName, caseName, JSON.parse(params) as CaseParams))
process.disconnect?.()
