// The peer: an embedded Flink beside us on the same machine in the same run, if there is one. MILLRACE_FLINK_PEER names a folder with
// a built peer and its run.sh, which takes `micro W1|W2 heap|rocksdb KEYS [ckpt|nockpt]` and `bench qN EVENTS [heap|rocksdb] [mb|nomb]
// [ckpt|nockpt]` and prints a line `RESULT … keps=… …` for each repetition.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { FlinkOptions, FlinkResult } from './scenario.ts'
import { median } from './statistics.ts'

/** Seconds of each repetition: long enough for the just-in-time compiler to be done. */
const SECONDS = 6
const REPETITIONS = 3

/** Where the peer is, or undefined. */
export function flinkPeer(): string | undefined {
  return process.env.MILLRACE_FLINK_PEER || undefined
}

/** Runs one micro workload of the peer. The first repetition warms up; of the others the median counts. */
export async function runFlink(peer: string, workload: string, options: FlinkOptions = {}): Promise<FlinkResult> {
  const { backend = 'heap', keys = 1000, checkpoints = false, settings = {} } = options
  const args = ['micro', workload, backend, String(keys), checkpoints ? 'ckpt' : 'nockpt', 'n=100000000000']
  return runPeer(peer, args, [`-Dpeer.secs=${SECONDS}`, `-Dpeer.reps=${REPETITIONS}`, ...flinkFlags(settings)])
}

export interface FlinkQueryOptions {
  readonly events: number
  readonly backend: 'heap' | 'rocksdb'
  readonly miniBatch: boolean
  readonly settings?: Readonly<Record<string, string>>
}

/** Runs one Nexmark query of the peer in SQL, exactly once, a checkpoint each 10 s: twice, of which the first warms up. */
export function runFlinkQuery(peer: string, query: string, options: FlinkQueryOptions): Promise<FlinkResult> {
  const { events, backend, miniBatch, settings = {} } = options
  const args = ['bench', query, String(events), backend, miniBatch ? 'mb' : 'nomb', 'ckpt']
  return runPeer(peer, args, ['-Dpeer.reps=2', ...flinkFlags(settings)])
}

function flinkFlags(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).map(([name, value]) => `-Dflink.${name}=${value}`)
}

async function runPeer(peer: string, args: readonly string[], javaOptions: readonly string[]): Promise<FlinkResult> {
  const env = { ...process.env, JOPTS: javaOptions.join(' ') }
  const { stdout } = await promisify(execFile)(join(peer, 'run.sh'), args, { env, maxBuffer: 2 ** 26 })
  return parseResult(stdout)
}

function parseResult(output: string): FlinkResult {
  const lines = output.split('\n').filter((line) => line.startsWith('RESULT'))
  const figure = (name: string): number => {
    const values = lines
      .slice(lines.length > 1 ? 1 : 0)
      .map((line) => Number(new RegExp(` ${name}=([\\d.]+)`).exec(line)?.[1]))
    return median(values)
  }
  if (lines.length === 0) throw new Error(`the Flink peer printed no RESULT:\n${output.slice(-2000)}`)
  return {
    perSecond: figure('keps') * 1000,
    perCpuSecond: figure('keps_per_cpu') * 1000,
    memoryMb: figure('peak_rss_mb'),
    startupSeconds: figure('startup_s'),
  }
}
