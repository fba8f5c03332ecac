import { MillraceError } from '../../errors.ts'
import type { Rng } from '../../util/rng.ts'

export interface GenerateOptions<T> {
  /**
   * Makes record `index` (from 0). Whatever it draws from `rng` depends on (seed, index) only, so it makes the same record
   * however often the job was killed and whatever the parallelism. Must depend on nothing else.
   */
  readonly make: (index: number, rng: Rng) => T
  /** How many records; the source ends after them. Default: it never ends. */
  readonly count?: number
  /** At most so many a second, over all subtasks. Default: as fast as they are taken. */
  readonly perSecond?: number
  /** Default 1. */
  readonly seed?: number
  /** In how many parts the records are made side by side, record i in part i modulo splits. Default: the node's parallelism. */
  readonly splits?: number
}

/** Throws CONNECTOR_OPTION. */
export function checkGenerateOptions(options: GenerateOptions<unknown>): void {
  const { make, count = 0, perSecond = 1, seed = 1, splits = 1 } = options
  if (typeof make !== 'function') throw bad('make', 'expected a function (index, rng) => record')
  if (!Number.isSafeInteger(count) || count < 0) throw bad('count', `${count} is not a whole number from 0`)
  if (!Number.isFinite(perSecond) || perSecond <= 0) throw bad('perSecond', `${perSecond} is not a number above 0`)
  if (!Number.isSafeInteger(seed)) throw bad('seed', `${seed} is not a whole number`)
  if (!Number.isSafeInteger(splits) || splits < 1) throw bad('splits', `${splits} is not a whole number from 1`)
}

function bad(path: string, reason: string): MillraceError {
  return new MillraceError('CONNECTOR_OPTION', { path, connector: 'generate', reason })
}
