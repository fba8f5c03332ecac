// The built bins in processes of their own, as users run them. `npm run build` first: these tests are about what is shipped.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface ProcessOptions {
  /** Added to this process's environment, from which MILLRACE_* is taken out. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** A command that runs the bin, such as `ip netns exec NAME`. */
  readonly via?: readonly string[]
  /** SIGKILL once this has been written, to either stream. A failpoint (env MILLRACE_FAILPOINT) kills more exactly. */
  readonly killAt?: string | RegExp
  /** SIGKILL after so many ms. */
  readonly killAfterMs?: number
}

export interface ProcessResult {
  /** null when a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A bin on its way. */
export interface BinProcess {
  readonly child: ChildProcess
  /** Resolves when this has been written, to either stream; rejects if the process ends before. */
  seen(text: string | RegExp): Promise<void>
  signal(name: NodeJS.Signals): void
  readonly result: Promise<ProcessResult>
}

/** A built bin. */
export const binFile = (name: string): string =>
  fileURLToPath(new URL(`../../dist/runtime/cli/${name}.js`, import.meta.url))

/** Runs `run-job` to its end, however it ends: `await runJob(['jobs/quickstart.ts', '--data-dir', dir])`. */
export function runJob(args: readonly string[], options: ProcessOptions = {}): Promise<ProcessResult> {
  return startBin('run-job', args, options).result
}

/** Runs a `millrace` command to its end. */
export function runMillrace(args: readonly string[], options: ProcessOptions = {}): Promise<ProcessResult> {
  return startBin('millrace', args, options).result
}

/** Starts a bin, to be waited for, signalled or killed on the way. */
export function startBin(
  name: 'run-job' | 'millrace',
  args: readonly string[],
  options: ProcessOptions = {},
): BinProcess {
  const file = binFile(name)
  if (!existsSync(file)) throw new Error(`${file} is not there: npm run build`)
  const [command, ...rest] = [...(options.via ?? []), process.execPath, file, ...args] as [string, ...string[]]
  const child = spawn(command, rest, {
    cwd: options.cwd,
    env: { ...cleanEnvironment(), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const written = { stdout: '', stderr: '' }
  const watchers = new Set<() => void>()
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      written[stream] += text
      for (const look of watchers) look()
    })
  }
  const result = resultOf(child, written, options)
  const process_ = { child, result, signal: (signal: NodeJS.Signals) => void child.kill(signal) }
  const seen = (text: string | RegExp): Promise<void> =>
    Promise.race([
      new Promise<void>((resolve) => {
        const look = (): void => {
          if (!matches(text, written.stdout) && !matches(text, written.stderr)) return
          watchers.delete(look)
          resolve()
        }
        watchers.add(look)
        look()
      }),
      result.then(({ code, stderr }) => {
        if (!matches(text, written.stdout) && !matches(text, stderr)) {
          throw new Error(`ended with ${code} before writing ${text}:\n${written.stdout}${stderr}`)
        }
      }),
    ])
  if (options.killAt !== undefined)
    seen(options.killAt).then(
      () => child.kill('SIGKILL'),
      () => {},
    )
  return { ...process_, seen }
}

function resultOf(
  child: ChildProcess,
  written: { readonly stdout: string; readonly stderr: string },
  { killAfterMs }: ProcessOptions,
): Promise<ProcessResult> {
  const killer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      clearTimeout(killer)
      resolve({ code, signal, ...written })
    })
  })
}

/** What a developer has set for himself must not change a test; vitest's own variables must not change a job. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const drop = /^(MILLRACE_|VITEST|NODE_OPTIONS$|FORCE_COLOR$)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !drop.test(name)))
}

function matches(pattern: string | RegExp, text: string): boolean {
  return typeof pattern === 'string' ? text.includes(pattern) : pattern.test(text)
}
