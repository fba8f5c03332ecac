// A file with several jobs: this process watches over one process for each.

import { spawn } from 'node:child_process'
import { basename } from 'node:path'
import { seededRng } from '../../src/util/rng.ts'
import type { Config } from '../config/load-config.ts'
import { restartOptions } from '../control/run-options.ts'
import { loadJobs } from '../worker/load-job.ts'
import type { Terminal } from './command.ts'
import { type JobProcess, JobProcesses } from './job-processes.ts'
import { type Arguments, misuse } from './parse-arguments.ts'

/** Tells a process who watches over it: it ends with that one. */
const SUPERVISOR = 'MILLRACE_SUPERVISOR'
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const LOOK_MS = 200

/** What says where a job starts: it holds for one job, and not for a process that was started again. */
const START_FLAGS = ['fresh', 'from-checkpoint', 'from-savepoint', 'map', 'allow-dropped-state', 'allow-repeat']

/** Runs the jobs of a file, or those that --job names, to their ends. Throws CONFIG_INVALID, JOB_FILE. */
export async function superviseJobs(
  file: string,
  { args, config, terminal }: { readonly args: Arguments; readonly config: Config; readonly terminal: Terminal },
): Promise<number> {
  const all = await loadJobs(file)
  const names = args.repeated.get('job') ?? all.map(({ name }) => name)
  const unknown = names.find((name) => !all.some((job) => job.name === name))
  const there = all.map(({ name }) => name).join(', ')
  if (unknown !== undefined) throw misuse('--job', `there is no job "${unknown}" in ${file}: there are ${there}`)
  const flag = START_FLAGS.find((name) => args.values.has(name) || args.repeated.has(name))
  if (flag !== undefined) throw misuse(`--${flag}`, `it is for one job: name it with --job, of ${names.join(', ')}`)
  const processes = new JobProcesses({
    jobs: all
      .filter(({ name }) => names.includes(name))
      .map(({ name, options }) => ({ name, restart: restartOptions(options, config) })),
    start: (job) => startProcess(job),
    now: () => performance.now(),
    rng: seededRng(Date.now()),
    stdout: terminal.stdout,
    stderr: terminal.stderr,
    plain: config.json,
  })
  const handlers = SIGNALS.map((signal) => [signal, () => processes.signal(signal)] as const)
  for (const [signal, handler] of handlers) process.on(signal, handler)
  try {
    return await processes.run()
  } finally {
    for (const [signal, handler] of handlers) process.off(signal, handler)
  }
}

/** In a process that is watched over: calls `end` once the one that does so is gone. Answers how to stop watching. */
export function watchSupervisor(end: () => void): () => void {
  if (process.env[SUPERVISOR] !== String(process.ppid)) return () => {}
  const timer = setInterval(() => {
    if (process.env[SUPERVISOR] !== String(process.ppid)) end()
  }, LOOK_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/** This command line again, for one job. */
function startProcess(job: string): JobProcess {
  const [, bin = '', ...typed] = process.argv
  const command = basename(bin).startsWith('millrace') ? typed.splice(0, 1) : []
  const child = spawn(process.execPath, [...process.execArgv, bin, ...command, `--job=${job}`, ...withoutJob(typed)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, [SUPERVISOR]: String(process.pid) },
  })
  return {
    pid: child.pid,
    stdout: child.stdout,
    stderr: child.stderr,
    kill: (signal) => void child.kill(signal),
    ended: new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, signal) => resolve({ code, signal }))
    }),
  }
}

/** The flags that name jobs are taken out. */
function withoutJob(args: readonly string[]): string[] {
  const end = args.includes('--') ? args.indexOf('--') : args.length
  return args.filter(
    (arg, at) => at >= end || !(arg === '--job' || arg.startsWith('--job=') || args[at - 1] === '--job'),
  )
}
