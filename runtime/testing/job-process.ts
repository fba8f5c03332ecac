// One `run-job` in a process of its own, so that it can be killed as the world kills.

import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface JobProcessOptions {
  /** The job file and further arguments of run-job. */
  readonly args: readonly string[]
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** SIGKILL from outside after so many ms, if it still runs. */
  readonly killAfterMs?: number
  /** SIGTERM from outside after so many ms, if it still runs: asks it to stop. */
  readonly stopAfterMs?: number
}

export interface JobProcessResult {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined
  readonly signal: string | undefined
  readonly stdout: string
  readonly stderr: string
  readonly durationMs: number
}

/** run-job of the build of this package. */
const RUN_JOB = fileURLToPath(new URL('../cli/run-job.js', import.meta.url)).replace(
  /[\\/]runtime[\\/]cli[\\/]run-job\.js$/,
  (tail) => (import.meta.url.endsWith('.ts') ? `/dist${tail}` : tail),
)

/** Runs `run-job` to its end, however it ends. */
export function runJobProcess(options: JobProcessOptions): Promise<JobProcessResult> {
  const begun = performance.now()
  const child = spawn(process.execPath, [RUN_JOB, ...options.args], {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const timers = [
    signalAfter(child, 'SIGKILL', options.killAfterMs),
    signalAfter(child, 'SIGTERM', options.stopAfterMs),
  ]
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      for (const timer of timers) clearTimeout(timer)
      const durationMs = performance.now() - begun
      resolve({ code: code ?? undefined, signal: signal ?? undefined, stdout, stderr, durationMs })
    })
  })
}

function signalAfter(child: ChildProcess, signal: NodeJS.Signals, ms: number | undefined): NodeJS.Timeout | undefined {
  return ms === undefined ? undefined : setTimeout(() => child.kill(signal), ms)
}
