import { MillraceError } from '../../src/errors.ts'
import type { CheckpointOptions, RestartOptions } from '../../src/graph/job.ts'
import { nearest } from '../../src/util/nearest.ts'
import { environmentLayer, fileLayer, flagLayer, type RawLayer, type Source } from './layers.ts'
import { configKeys } from './options.ts'
import { restartOptions } from './restart.ts'
import { type Layer, layerSchema } from './schema.ts'

/** What was configured, checked and in the units the machine uses. A key that nobody set is absent. */
export interface Config {
  readonly dataDir: string
  readonly settings: Readonly<Record<string, string>>
  readonly parallelism?: number
  readonly workers?: number
  readonly stateCacheBytes?: number
  readonly checkpoint?: CheckpointOptions
  readonly restart?: RestartOptions
  readonly heartbeatMs?: number
  readonly batch: boolean
  readonly inProcess: boolean
  readonly json: boolean
  readonly quiet: boolean
  readonly verbose: boolean
}

export interface ConfigInput {
  /** Dotted key -> value as written. */
  readonly flags: ReadonlyMap<string, string>
  /** The pairs of --set. */
  readonly settings: ReadonlyMap<string, string>
  readonly env: Readonly<Record<string, string | undefined>>
  /** --config or MILLRACE_CONFIG; undefined: millrace.config.json if it is there. */
  readonly file: string | undefined
  readonly readFile?: (file: string) => string
}

/** Where a job's files are kept unless told otherwise. */
export const DEFAULT_DATA_DIR = '.millrace'

/** Flags over environment over file, each checked where it came from. Throws CONFIG_INVALID. */
export function loadConfig(input: ConfigInput): Config {
  const sources = [
    fileLayer(input.file, input.readFile),
    environmentLayer(input.env),
    flagLayer(input.flags, input.settings),
  ]
  const layers = sources.map((source) => ({ source, layer: validate(source) }))
  const merged = layers.map(({ layer }) => layer).reduce(mergeLayers, {})
  const restart = restartOptions(merged.restart ?? {}, (key) => {
    const said = layers.findLast(({ layer }) => layer.restart?.[key as 'strategy'] !== undefined) ?? layers[0]
    return { path: said?.source.pathOf(`restart.${key}`) ?? key, origin: said?.source.origin ?? '' }
  })
  return toConfig(merged, restart)
}

function validate(source: Source): Layer {
  const result = layerSchema.safeParse(source.raw)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const at = (issue?.path ?? []).map(String)
  if (issue?.code === 'unrecognized_keys') throw unknownKey(source, [...at, issue.keys[0] ?? ''].join('.'))
  throw new MillraceError('CONFIG_INVALID', {
    path: source.pathOf(at.join('.')),
    origin: source.origin,
    reason: issue?.message ?? 'is not understood',
  })
}

function unknownKey(source: Source, key: string): MillraceError {
  const known = [...configKeys().keys()]
  const meant = nearest(key, known)
  const hint = meant === undefined ? `known are ${known.join(', ')}` : `did you mean ${meant}?`
  return new MillraceError('CONFIG_INVALID', {
    path: key,
    origin: source.origin,
    reason: `there is no such key (${hint})`,
  })
}

/** The upper layer wins key by key. A layer that names a restart strategy brings all of it: knobs belong to strategies. */
function mergeLayers(lower: Layer, upper: Layer): Layer {
  return {
    ...lower,
    ...defined(upper),
    settings: { ...lower.settings, ...upper.settings },
    checkpoint: { ...lower.checkpoint, ...defined(upper.checkpoint ?? {}) },
    restart: {
      ...(upper.restart?.strategy === undefined ? lower.restart : {}),
      ...defined(upper.restart ?? {}),
    },
  }
}

function toConfig(merged: Layer, restart: RestartOptions | undefined): Config {
  const checkpoint = checkpointOptions(merged.checkpoint ?? {})
  return {
    dataDir: merged.dataDir ?? DEFAULT_DATA_DIR,
    settings: merged.settings ?? {},
    batch: merged.batch ?? false,
    inProcess: merged.inProcess ?? false,
    json: merged.json ?? false,
    quiet: merged.quiet ?? false,
    verbose: merged.verbose ?? false,
    ...(merged.parallelism !== undefined && { parallelism: merged.parallelism }),
    ...(merged.workers !== undefined && { workers: merged.workers }),
    ...(merged.stateCache !== undefined && { stateCacheBytes: merged.stateCache }),
    ...(merged.heartbeat !== undefined && { heartbeatMs: merged.heartbeat }),
    ...(Object.keys(checkpoint).length > 0 && { checkpoint }),
    ...(restart !== undefined && { restart }),
  }
}

function checkpointOptions(layer: NonNullable<Layer['checkpoint']>): CheckpointOptions {
  return {
    ...(layer.interval !== undefined && { intervalMs: layer.interval }),
    ...(layer.timeout !== undefined && { timeoutMs: layer.timeout }),
    ...(layer.minPause !== undefined && { minPauseMs: layer.minPause }),
    ...(layer.retain !== undefined && { retain: layer.retain }),
    ...(layer.expire !== undefined && { expireMs: layer.expire }),
    ...(layer.tolerableFailures !== undefined && { tolerableFailures: layer.tolerableFailures }),
  }
}

function defined<T extends RawLayer>(layer: T): T {
  return Object.fromEntries(Object.entries(layer).filter(([, value]) => value !== undefined)) as T
}
