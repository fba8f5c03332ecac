import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { CaseRun, ProcessResult } from './scenario.ts'

const CASE_MAIN = new URL('./case-main.ts', import.meta.url)

/** Runs one case in a new process and returns what it sends. Rejects with its output if it ends without an answer. */
export function runInFreshProcess({ scenario, name, params }: CaseRun): Promise<ProcessResult> {
  return runForked(CASE_MAIN, [scenario, name, JSON.stringify(params)], `${scenario}/${name}`)
}

/** Runs a module in a new process and returns what it sends. Rejects with its output if it ends without an answer. */
export function runForked<Answer>(main: URL, args: readonly string[], what: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(main), args, {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    let output = ''
    let answer: Answer | undefined
    child.stdout?.on('data', (chunk) => (output += chunk))
    child.stderr?.on('data', (chunk) => (output += chunk))
    child.on('message', (message) => {
      answer = message as Answer
    })
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0 && answer !== undefined) resolve(answer)
      else reject(new Error(`${what} ended with code ${code}:\n${output}`))
    })
  })
}
