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
  /** SIGTERM from outside, once, when this text is in what it wrote to stderr: asks it to stop. */
  readonly stopAt?: string
  /** SIGKILL after so many ms, told by `timedOut`: a job that hangs must not hang its test. Default 120,000. */
  readonly timeoutMs?: number
}

export interface JobProcessResult {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined
  readonly signal: string | undefined
  /** It had not ended within `timeoutMs`. */
  readonly timedOut: boolean
  readonly stdout: string
  readonly stderr: string
  readonly durationMs: number
}

/** run-job of the build of this package. */
const RUN_JOB = fileURLToPath(new URL('../cli/run-job.js', import.meta.url)).replace(
  /[\\/]runtime[\\/]cli[\\/]run-job\.js$/,
  (tail) => (import.meta.url.endsWith('.ts') ? `/dist${tail}` : tail),
)

/** What a healthy job in a test stays far below. */
export const DEFAULT_TIMEOUT_MS = 120_000

/**
 * Loaded into the process: it ends with the one that started it, whatever that dies of, since the pipe between them closes.
 * In its threads it does nothing.
 */
const END_WITH_STARTER = `data:text/javascript,${encodeURIComponent(`
import { Socket } from 'node:net'
import { isMainThread } from 'node:worker_threads'
if (isMainThread) new Socket({ fd: 3 }).on('close', () => process.kill(process.pid, 'SIGKILL')).resume().unref()`)}`

/** Runs `run-job` to its end, however it ends. */
export function runJobProcess(options: JobProcessOptions): Promise<JobProcessResult> {
  const begun = performance.now()
  const child = spawn(process.execPath, ['--import', END_WITH_STARTER, RUN_JOB, ...options.args], {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  const written = collect(child, options.stopAt)
  let timedOut = false
  const timers = [
    setTimeout(() => {
      timedOut = child.kill('SIGKILL')
    }, options.timeoutMs ?? DEFAULT_TIMEOUT_MS),
  ]
  if (options.killAfterMs !== undefined) timers.push(setTimeout(() => child.kill('SIGKILL'), options.killAfterMs))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      for (const timer of timers) clearTimeout(timer)
      const durationMs = performance.now() - begun
      resolve({ code: code ?? undefined, signal: signal ?? undefined, timedOut, ...written, durationMs })
    })
  })
}

/** What the process writes, as it grows. */
function collect(
  child: ChildProcess,
  stopAt: string | undefined,
): { readonly stdout: string; readonly stderr: string } {
  const written = { stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    written.stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    const seen = stopAt !== undefined && written.stderr.includes(stopAt)
    written.stderr += text
    if (stopAt !== undefined && !seen && written.stderr.includes(stopAt)) child.kill('SIGTERM')
  })
  return written
}
