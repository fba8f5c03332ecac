// Processes of a contender, and what they take as the system tells it (Linux).
//
// Owns: the processes it started, until they are stopped.

import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Of Linux's clock in /proc, on every machine that Node runs on. */
const TICKS_PER_SECOND = 100
const OUTPUT_CHARS_MAX = 20_000

/** A process on its way. */
export interface Running {
  readonly name: string
  readonly pid: number
  /** Waits for a line that says so. Rejects with the output if the process ends before. */
  readonly said: (what: string) => Promise<void>
  /** Ends it in order, by force after 20 s, or by force at once. */
  readonly end: (signal?: 'SIGTERM' | 'SIGKILL') => Promise<void>
  /** What it wrote last. */
  readonly output: () => string
}

/** Starts a command. What it says is kept, not shown. */
export function start(name: string, command: string, args: readonly string[]): Running {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const waiting = new Set<() => void>()
  const wake = (): void => {
    for (const one of [...waiting]) one()
  }
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk).slice(-OUTPUT_CHARS_MAX)
      wake()
    })
  const ended = new Promise<void>((resolve) => {
    child.on('close', () => {
      resolve()
      wake()
    })
  })
  const said = (what: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const hasEnded = child.exitCode !== null || child.signalCode !== null
        if (!output.includes(what) && !hasEnded) return
        waiting.delete(look)
        if (output.includes(what)) resolve()
        else reject(new Error(`${name} ended with ${child.exitCode ?? child.signalCode}:\n${output}`))
      }
      waiting.add(look)
      look()
    })
  return { name, pid: child.pid ?? 0, said, end: (signal) => end(child, ended, signal), output: () => output }
}

/** A module of this folder in a process of its own; its one argument is JSON. */
export function startModule(name: string, module: string, argument: unknown): Running {
  const file = new URL(`./${module}`, import.meta.url).pathname
  return start(name, process.execPath, ['--import', 'tsx', file, JSON.stringify(argument)])
}

async function end(child: ChildProcess, ended: Promise<void>, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
  await ended
  clearTimeout(timer)
}

/** Processor seconds of a process and of all that it started; NaN once it is gone. */
export function cpuSeconds(pid: number): number {
  try {
    // The command in parentheses may hold anything; fields count from behind it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
      .map(Number)
    const own = [11, 12, 13, 14].reduce((sum, field) => sum + (fields[field] ?? 0), 0) / TICKS_PER_SECOND
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
    return children.reduce((sum, child) => sum + (cpuSeconds(Number(child)) || 0), own)
  } catch {
    return Number.NaN
  }
}

/** The most memory a process has held. */
export function peakMb(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}
