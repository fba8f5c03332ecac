// The options of a run: checked, with defaults, joined with those of the job.

import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { MillraceError } from '../../src/errors.ts'
import type { CheckpointOptions, JobOptions, RestartOptions } from '../../src/graph/job.ts'
import { MAX_KEY_GROUPS } from '../../src/util/key-group.ts'
import { DEFAULT_RESTART } from './restart-strategy.ts'
import type { RunOptions } from './run-types.ts'

/** What an attempt needs to know of checkpoints. */
export interface CheckpointSettings {
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly minPauseMs: number
  readonly tolerableFailures: number
  readonly retain: number
  readonly expireMs: number | undefined
}

export const DEFAULT_HEARTBEAT_MS = 10_000
const DEFAULT_STATE_CACHE_BYTES = 256 * 1024 * 1024

interface Rule {
  readonly holds: (value: unknown) => boolean
  readonly expected: string
}

const wholeFrom = (min: number, max = Number.MAX_SAFE_INTEGER): Rule => ({
  holds: (value) => typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max,
  expected:
    max === Number.MAX_SAFE_INTEGER ? `a whole number, at least ${min}` : `a whole number from ${min} to ${max}`,
})
const numberFrom = (min: number, max = Number.POSITIVE_INFINITY): Rule => ({
  holds: (value) => typeof value === 'number' && value >= min && value <= max,
  expected: max === Number.POSITIVE_INFINITY ? `a number, at least ${min}` : `a number from ${min} to ${max}`,
})
const text: Rule = { holds: (value) => typeof value === 'string' && value !== '', expected: 'a text that is not empty' }
const yesOrNo: Rule = { holds: (value) => typeof value === 'boolean', expected: 'true or false' }
const names: Rule = {
  holds: (value) => Array.isArray(value) && value.every((name) => typeof name === 'string'),
  expected: 'a list of node names',
}
const texts: Rule = {
  holds: (value) => isRecord(value) && Object.values(value as object).every((part) => typeof part === 'string'),
  expected: 'an object whose values are texts',
}

const CHECKPOINT_RULES: Readonly<Record<string, Rule>> = {
  intervalMs: numberFrom(1),
  timeoutMs: numberFrom(1),
  minPauseMs: numberFrom(0),
  tolerableFailures: numberFrom(0),
  retain: wholeFrom(1),
  expireMs: numberFrom(0),
}

const DELAY = numberFrom(0)
const RESTART_RULES: Readonly<Record<RestartOptions['strategy'], Readonly<Record<string, Rule>>>> = {
  none: {},
  'fixed-delay': { attempts: numberFrom(0), delayMs: DELAY },
  'exponential-delay': {
    initialDelayMs: DELAY,
    maxDelayMs: DELAY,
    multiplier: numberFrom(1),
    resetAfterMs: DELAY,
    jitter: numberFrom(0, 1),
    attempts: numberFrom(0),
  },
  'failure-rate': { failures: numberFrom(0), intervalMs: numberFrom(1), delayMs: DELAY },
}
/** Those that have no default. */
const RESTART_REQUIRED: Readonly<Record<string, readonly string[]>> = {
  'fixed-delay': ['attempts', 'delayMs'],
  'failure-rate': ['failures', 'intervalMs', 'delayMs'],
}

const RUN_RULES: Readonly<Record<string, Rule>> = {
  dataDir: text,
  parallelism: wholeFrom(1, MAX_KEY_GROUPS),
  workers: wholeFrom(1, 1024),
  inProcess: yesOrNo,
  stateCacheBytes: numberFrom(0),
  mode: { holds: (value) => value === 'stream' || value === 'batch', expected: '"stream" or "batch"' },
  settings: texts,
  job: text,
  fresh: yesOrNo,
  fromCheckpoint: {
    holds: (value) => (typeof value === 'string' && value !== '') || wholeFrom(1).holds(value),
    expected: 'the number of a retained checkpoint, or a folder',
  },
  fromSavepoint: text,
  map: texts,
  allowDroppedState: names,
  allowRepeat: names,
  heartbeatMs: numberFrom(10),
  checkpoint: { holds: isRecord, expected: 'an object' },
  restart: { holds: isRecord, expected: 'an object' },
}

/** Checks every option. Throws CONFIG_INVALID with the path of the first bad one. */
export function checkRunOptions(options: RunOptions): void {
  checkObject(options, RUN_RULES, '', 'run()')
  checkCheckpoint(options.checkpoint, 'run()')
  checkRestart(options.restart, 'run()')
  const origins = [
    options.fresh ? 'fresh' : undefined,
    nameIf('fromCheckpoint', options),
    nameIf('fromSavepoint', options),
  ]
  const [first, second] = origins.filter((name) => name !== undefined)
  if (second !== undefined) throw invalid(second, 'run()', `it cannot be given together with ${first}`)
}

/** Checks the options that a job carries. Throws CONFIG_INVALID. */
export function checkJobOptions(options: JobOptions): void {
  checkCheckpoint(options.checkpoint, 'the job')
  checkRestart(options.restart, 'the job')
}

export function checkpointSettings(job: CheckpointOptions = {}, run: CheckpointOptions = {}): CheckpointSettings {
  return {
    intervalMs: run.intervalMs ?? job.intervalMs ?? 10_000,
    timeoutMs: run.timeoutMs ?? job.timeoutMs ?? 600_000,
    minPauseMs: run.minPauseMs ?? job.minPauseMs ?? 0,
    tolerableFailures: run.tolerableFailures ?? job.tolerableFailures ?? 0,
    retain: run.retain ?? job.retain ?? 3,
    expireMs: run.expireMs ?? job.expireMs,
  }
}

export function restartOptions(job: JobOptions, run: RunOptions): RestartOptions {
  return run.restart ?? job.restart ?? DEFAULT_RESTART
}

export function dataDirOf(options: RunOptions): string {
  return resolve(options.dataDir ?? '.millrace')
}

export function stateCacheBytesOf(options: RunOptions): number {
  return options.stateCacheBytes ?? DEFAULT_STATE_CACHE_BYTES
}

/** How many worker threads a job gets whose largest parallelism is `largest`. */
export function workersFor(options: RunOptions, largest: number, inProcess: boolean): number {
  const asked = options.workers ?? (inProcess ? 1 : Math.max(1, availableParallelism() - 1))
  return Math.min(asked, largest)
}

function checkCheckpoint(options: CheckpointOptions | undefined, origin: string): void {
  if (options !== undefined) checkObject(options, CHECKPOINT_RULES, 'checkpoint.', origin)
}

function checkRestart(options: RestartOptions | undefined, origin: string): void {
  if (options === undefined) return
  const rules = Object.hasOwn(RESTART_RULES, options.strategy) ? RESTART_RULES[options.strategy] : undefined
  if (rules === undefined) {
    const expected = Object.keys(RESTART_RULES).join(', ')
    throw invalid('restart.strategy', origin, `it is ${show(options.strategy)}; expected one of ${expected}`)
  }
  const { strategy, ...rest } = options
  checkObject(rest, rules, 'restart.', origin)
  for (const key of RESTART_REQUIRED[strategy] ?? []) {
    if (!(key in rest)) throw invalid(`restart.${key}`, origin, `strategy ${strategy} needs it`)
  }
}

function checkObject(options: object, rules: Readonly<Record<string, Rule>>, prefix: string, origin: string): void {
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined) continue
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined
    if (rule === undefined) {
      throw invalid(prefix + key, origin, `there is no such option. There are: ${Object.keys(rules).join(', ')}`)
    }
    if (!rule.holds(value)) throw invalid(prefix + key, origin, `it is ${show(value)}; expected ${rule.expected}`)
  }
}

function nameIf(key: 'fromCheckpoint' | 'fromSavepoint', options: RunOptions): string | undefined {
  return options[key] === undefined ? undefined : key
}

function invalid(path: string, origin: string, reason: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', { path, origin, reason })
}

function show(value: unknown): string {
  const shown =
    typeof value === 'string' ? `"${value}"` : typeof value === 'object' ? JSON.stringify(value) : String(value)
  return shown.length > 80 ? `${shown.slice(0, 77)}...` : shown
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
