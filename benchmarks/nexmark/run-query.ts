import { runForked } from '../fresh-process.ts'

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

const MAIN = new URL('./run-query-main.ts', import.meta.url)

/** Runs a query once in a new process: one worker thread, exactly once, a checkpoint each 10 s. Rejects with its output if it fails. */
export function runQuery(params: QueryParams): Promise<QueryResult> {
  return runForked(MAIN, [JSON.stringify(params)], params.query)
}
