import { readdirSync, statSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { MillraceError } from '../../src/errors.ts'
import { nearest } from '../../src/util/nearest.ts'
import { type Config, loadConfig } from '../config/load-config.ts'
import { RUN_OPTIONS } from '../config/options.ts'
import type { RunOptions } from '../control/run-types.ts'
import type { Terminal } from './command.ts'
import { type Arguments, misuse, pairsOf } from './parse-arguments.ts'

/** The configuration of a command: its flags over the environment over the file. Throws CONFIG_INVALID. */
export function configOf(args: Arguments, { env }: Pick<Terminal, 'env'>): Config {
  const flags = new Map<string, string>()
  for (const { name, key, kind } of RUN_OPTIONS) {
    const value = args.values.get(name)
    if (key !== undefined && kind !== 'pair' && value !== undefined) flags.set(key, value)
  }
  const file = args.values.get('config') ?? (env.MILLRACE_CONFIG || undefined)
  return loadConfig({ flags, settings: pairsOf(args, 'set'), env, file })
}

/** What run() is to be told: the configuration and the decisions about this one run. Throws CONFIG_INVALID. */
export function runOptions(config: Config, args: Arguments): RunOptions {
  const { dataDir, settings, batch, inProcess, json, quiet, verbose, ...given } = config
  return { ...given, dataDir, settings, inProcess, mode: batch ? 'batch' : 'stream', ...startOptions(args) }
}

/** Throws JOB_FILE, with what may have been meant, when there is no such file. */
export function checkJobFile(file: string): void {
  const stat = statSync(file, { throwIfNoEntry: false })
  if (stat?.isFile() === true) return
  if (stat !== undefined) throw new MillraceError('JOB_FILE', { file, reason: 'is not a file' })
  const meant = nearest(basename(file), filesIn(dirname(file)))
  const hint =
    meant === undefined ? '' : ` (did you mean ${file.slice(0, file.length - basename(file).length)}${meant}?)`
  throw new MillraceError('JOB_FILE', { file, reason: `there is no such file${hint}` })
}

function startOptions(args: Arguments): RunOptions {
  const fromCheckpoint = args.values.get('from-checkpoint')
  const fromSavepoint = args.values.get('from-savepoint')
  const fresh = args.values.get('fresh') === 'true'
  const starts = [
    fresh && '--fresh',
    fromCheckpoint && '--from-checkpoint',
    fromSavepoint && '--from-savepoint',
  ].filter(Boolean)
  if (starts.length > 1) throw misuse(starts.join(' and '), 'a job starts in one place: give only one of these')
  const map = pairsOf(args, 'map')
  return {
    fresh,
    allowDroppedState: args.repeated.get('allow-dropped-state') ?? [],
    allowRepeat: args.repeated.get('allow-repeat') ?? [],
    ...(fromCheckpoint !== undefined && {
      fromCheckpoint: /^\d+$/.test(fromCheckpoint) ? Number(fromCheckpoint) : fromCheckpoint,
    }),
    ...(fromSavepoint !== undefined && { fromSavepoint }),
    ...(map.size > 0 && { map: Object.fromEntries(map) }),
  }
}

function filesIn(folder: string): readonly string[] {
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true ? readdirSync(folder) : []
}
