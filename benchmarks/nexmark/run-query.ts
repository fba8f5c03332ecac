import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** What a run is given, across processes. */
export interface QueryParams {
  readonly query: string
  readonly events: number
  readonly generator: 'exact' | 'fast' | 'kept'
  /** Memory for state. */
  readonly cacheMb: number
}

/** What one run took, from when every task ran to the end of the job. */
export interface QueryResult {
  readonly events: number
  readonly seconds: number
  /** Of the whole process in that time, all threads. */
  readonly cpuSeconds: number
  /** The most the process ever held. */
  readonly memoryMb: number
  /** The most that the state took in the heap. */
  readonly stateMb: number
}

const MAIN = fileURLToPath(new URL('./run-query-main.ts', import.meta.url))

/** Runs a query once in a new process: one worker thread, exactly once, a checkpoint each 10 s. Rejects with its output if it fails. */
export function runQuery(params: QueryParams): Promise<QueryResult> {
  return new Promise((resolve, reject) => {
    const child = fork(MAIN, [JSON.stringify(params)], {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    let output = ''
    let result: QueryResult | undefined
    child.stdout?.on('data', (chunk) => (output += chunk))
    child.stderr?.on('data', (chunk) => (output += chunk))
    child.on('message', (message) => {
      result = message as QueryResult
    })
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0 && result !== undefined) resolve(result)
      else reject(new Error(`${params.query} ended with code ${code}:\n${output}`))
    })
  })
}
