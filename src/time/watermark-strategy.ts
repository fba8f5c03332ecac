// Watermark strategies: how a stream's event time is read from its records. Values: the machine makes a generator for each split.

import { MillraceError } from '../errors.ts'
import { BoundedOutOfOrderness, NoWatermarks, type WatermarkGenerator } from './watermark-generator.ts'

/** Sources of one group wait for each other. */
export interface WatermarkAlignment {
  /** Any name; sources that give the same one are of one group. */
  readonly group: string
  /** How far ahead of the slowest of the group a source, or one of its splits, may read. */
  readonly maxDriftMs: number
}

export interface WatermarkOptions<T> {
  /** The event time of a record, in ms since the epoch. Left out where records have one already. */
  readonly timestampOf?: (record: T) => number
  /** After how long without records a split or a source is not waited for any more. Default: it is always waited for. */
  readonly idleAfterMs?: number
  /** Only for sources. Default: none waits for another. */
  readonly alignment?: WatermarkAlignment
}

/** Where event time comes from and how far it has come. Given to `flow.from` or `assignTimestampsAndWatermarks`. */
export interface WatermarkStrategy<T> extends WatermarkOptions<T> {
  /** One for each split. */
  readonly createGenerator: () => WatermarkGenerator<T>
}

/** Records may come up to so many ms after later ones; a record that comes later still is late. */
export function boundedOutOfOrderness<T>(
  maxOutOfOrdernessMs: number,
  options: WatermarkOptions<T> = {},
): WatermarkStrategy<T> {
  const from = 'boundedOutOfOrderness()'
  if (!(maxOutOfOrdernessMs >= 0 && Number.isFinite(maxOutOfOrdernessMs)))
    throw invalid(from, 'maxOutOfOrdernessMs', maxOutOfOrdernessMs, 'milliseconds, 0 or more')
  return strategy(from, () => new BoundedOutOfOrderness(maxOutOfOrdernessMs), options)
}

/** Timestamps of a split never fall: what is equal to the latest is still in time, what is earlier is late. */
export function monotonousTimestamps<T>(options: WatermarkOptions<T> = {}): WatermarkStrategy<T> {
  return strategy('monotonousTimestamps()', () => new BoundedOutOfOrderness(0), options)
}

/** Records have event times, but event time does not advance before the end of the input: nothing is late, all is kept until then. */
export function noWatermarks<T>(options: WatermarkOptions<T> = {}): WatermarkStrategy<T> {
  return strategy('noWatermarks()', () => new NoWatermarks(), options)
}

/** A generator of your own, one for each split. What it knows is not kept in checkpoints; the watermark it has reached is. */
export function watermarkGenerator<T>(
  createGenerator: () => WatermarkGenerator<T>,
  options: WatermarkOptions<T> = {},
): WatermarkStrategy<T> {
  return strategy('watermarkGenerator()', createGenerator, options)
}

function strategy<T>(
  from: string,
  createGenerator: () => WatermarkGenerator<T>,
  options: WatermarkOptions<T>,
): WatermarkStrategy<T> {
  const { idleAfterMs, alignment } = options
  if (idleAfterMs !== undefined && !(idleAfterMs > 0 && Number.isFinite(idleAfterMs)))
    throw invalid(from, 'idleAfterMs', idleAfterMs, 'milliseconds, more than 0')
  if (alignment !== undefined && !(alignment.maxDriftMs >= 0 && Number.isFinite(alignment.maxDriftMs)))
    throw invalid(from, 'alignment.maxDriftMs', alignment.maxDriftMs, 'milliseconds, 0 or more')
  if (alignment !== undefined && (typeof alignment.group !== 'string' || alignment.group === ''))
    throw invalid(from, 'alignment.group', alignment.group, 'a name')
  return { ...options, createGenerator }
}

function invalid(origin: string, path: string, value: unknown, expected: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', { path, origin, reason: `it is ${String(value)}, expected ${expected}` })
}
