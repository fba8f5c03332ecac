// One `run-job` in a process of its own, so that it can be killed as the world kills.

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface JobProcessOptions {
  /** The job file and further arguments of run-job. */
  readonly args: readonly string[]
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** SIGKILL from outside after so many ms, if it still runs. */
  readonly killAfterMs?: number
  /** SIGTERM from outside, once, when this text is in what it wrote to stderr: asks it to stop. */
  readonly stopAt?: string
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
    const seen = options.stopAt !== undefined && stderr.includes(options.stopAt)
    stderr += text
    if (options.stopAt !== undefined && !seen && stderr.includes(options.stopAt)) child.kill('SIGTERM')
  })
  const killer =
    options.killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), options.killAfterMs)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      clearTimeout(killer)
      const durationMs = performance.now() - begun
      resolve({ code: code ?? undefined, signal: signal ?? undefined, stdout, stderr, durationMs })
    })
  })
}
