import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { CaseRun, ProcessResult } from './scenario.ts'

const CASE_MAIN = fileURLToPath(new URL('./case-main.ts', import.meta.url))

/** Runs one case in a new process and returns what it sends. Rejects with its output if it ends without an answer. */
export function runInFreshProcess({ scenario, name, params }: CaseRun): Promise<ProcessResult> {
  return new Promise((resolve, reject) => {
    const child = fork(CASE_MAIN, [scenario, name, JSON.stringify(params)], {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    let output = ''
    let result: ProcessResult | undefined
    child.stdout?.on('data', (chunk) => (output += chunk))
    child.stderr?.on('data', (chunk) => (output += chunk))
    child.on('message', (message) => {
      result = message as ProcessResult
    })
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0 && result !== undefined) resolve(result)
      else reject(new Error(`${scenario}/${name} ended with code ${code}:\n${output}`))
    })
  })
}
