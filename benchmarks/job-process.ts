import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { clearMarker, type Marker, type MarkerName, nowMs, readMarker } from './marker.ts'

const RUN_JOB = fileURLToPath(new URL('../dist/runtime/cli/run-job.js', import.meta.url))

/** A command on its way, and when it was given. */
export interface Started {
  readonly child: ChildProcess
  /** Ms since the epoch. */
  readonly atMs: number
  /** Waits for a marker of the process. Rejects with its output if it ended without one. */
  readonly marker: (name: MarkerName) => Promise<Marker>
  readonly ended: Promise<number | null>
}

/** Starts node with arguments, in a folder where it is to leave a marker. */
export function startNode(folder: string, args: readonly string[]): Started {
  clearMarker(folder, 'first-output')
  const atMs = nowMs()
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout?.on('data', (chunk) => {
    output += chunk
  })
  child.stderr?.on('data', (chunk) => {
    output += chunk
  })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const giveUp = (): void => {
    if (child.exitCode !== null) throw new Error(`${args.join(' ')} ended with code ${child.exitCode}:\n${output}`)
  }
  return { child, atMs, ended, marker: (name) => readMarker(folder, name, giveUp) }
}

/** Starts `run-job` on a job of benchmarks/jobs, with its data and its marker in `folder`. */
export function startJob(folder: string, jobFile: string, args: readonly string[] = []): Started {
  const file = fileURLToPath(new URL(`./jobs/${jobFile}`, import.meta.url))
  return startNode(folder, [RUN_JOB, file, '--data-dir', folder, '--set', `marker=${folder}`, ...args])
}

/** Waits until a checkpoint that began after a moment (ms since the epoch) is complete. */
export async function checkpointSince(folder: string, job: string, sinceMs: number): Promise<void> {
  const path = join(folder, job, 'events.ndjson')
  for (;;) {
    const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : []
    const events = lines.map((line) => JSON.parse(line) as CheckpointEvent)
    if (events.some(({ checkpoint }) => checkpoint?.status === 'complete' && checkpoint.startedAt > sinceMs)) return
    await sleep(100)
  }
}

/** What is read of a line of events.ndjson. */
interface CheckpointEvent {
  readonly checkpoint?: { readonly status?: string; readonly startedAt: number }
}

/** The most memory a live process has held, where the system tells (Linux). */
export function peakMemoryMb(child: ChildProcess): number | undefined {
  const path = `/proc/${child.pid}/status`
  if (!existsSync(path)) return undefined
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(path, 'utf8'))?.[1]) / 1024
}
