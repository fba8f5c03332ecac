// SettingsReader: what `--set key=value` gave a job, read with types and defaults.
//
// Owns: which keys the build has read.
// Does not own: where the pairs came from.
//
// I1. When the build is over, the keys that can be set are known: a key first read later is refused, given or not.

import { MillraceError } from '../errors.ts'
import type { BuildInput } from '../graph/job.ts'

export interface NumberRange {
  readonly min?: number
  readonly max?: number
  readonly integer?: boolean
}

/**
 * A job's settings. Each has a default or must be given with `--set key=value`; a key that nobody reads is refused. So they are read
 * while the job is built, not inside its functions.
 */
export interface Settings {
  /** Where the job may keep files of its own. Absolute or relative to the working directory, as the run was told. */
  readonly dataDir: string
  /** `batch`: sources end once they have read what is there. */
  readonly mode: 'stream' | 'batch'
  /** Throws SETTING_INVALID if the value is no number or out of range, or if there is neither value nor default. */
  number(key: string, fallback?: number, range?: NumberRange): number
  string(key: string, fallback?: string): string
  /** true, yes, on, 1 or false, no, off, 0; a key alone is true. */
  boolean(key: string, fallback?: boolean): boolean
  /** Values between commas, trimmed; an empty value is an empty list. */
  list(key: string, fallback?: readonly string[]): readonly string[]
}

const YES = new Set(['true', 'yes', 'on', '1', ''])
const NO = new Set(['false', 'no', 'off', '0'])

/** Reads settings and remembers which. */
export class SettingsReader implements Settings {
  readonly dataDir: string
  readonly mode: 'stream' | 'batch'
  readonly #values: Readonly<Record<string, string>>
  readonly #known = new Set<string>()
  #built = false

  constructor(input: BuildInput) {
    this.#values = input.settings
    this.dataDir = input.dataDir
    this.mode = input.mode
  }

  number(key: string, fallback?: number, range: NumberRange = {}): number {
    const expected = describeRange(range)
    return this.#read(key, fallback, expected, (text) => {
      const value = text.trim() === '' ? Number.NaN : Number(text.replaceAll('_', ''))
      return inRange(value, range) ? value : undefined
    })
  }

  string(key: string, fallback?: string): string {
    return this.#read(key, fallback, 'a text', (text) => text)
  }

  boolean(key: string, fallback?: boolean): boolean {
    return this.#read(key, fallback, 'true or false', (text) => {
      const word = text.trim().toLowerCase()
      return YES.has(word) ? true : NO.has(word) ? false : undefined
    })
  }

  list(key: string, fallback?: readonly string[]): readonly string[] {
    return this.#read(key, fallback, 'values between commas', (text) =>
      text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    )
  }

  /** After the build. Throws SETTING_UNKNOWN for the first key that was given and not read. */
  assertAllRead(job: string): void {
    this.#built = true
    const known = [...this.#known].sort().join(', ') || 'none'
    for (const key of Object.keys(this.#values)) {
      if (!this.#known.has(key)) throw new MillraceError('SETTING_UNKNOWN', { key, job, known })
    }
  }

  #read<T>(key: string, fallback: T | undefined, expected: string, parse: (text: string) => T | undefined): T {
    if (this.#built && !this.#known.has(key)) {
      const late = 'the build function to read it into a constant, before any record flows'
      throw new MillraceError('SETTING_INVALID', { key, value: 'read too late', expected: late })
    }
    this.#known.add(key)
    const text = Object.hasOwn(this.#values, key) ? this.#values[key] : undefined
    if (text === undefined) {
      if (fallback !== undefined) return fallback
      throw new MillraceError('SETTING_INVALID', {
        key,
        value: 'not given',
        expected: `${expected}, as in --set ${key}=…`,
      })
    }
    const value = parse(text)
    if (value === undefined) throw new MillraceError('SETTING_INVALID', { key, value: JSON.stringify(text), expected })
    return value
  }
}

function inRange(value: number, { min = -Infinity, max = Infinity, integer = false }: NumberRange): boolean {
  return Number.isFinite(value) && value >= min && value <= max && (!integer || Number.isInteger(value))
}

function describeRange({ min, max, integer = false }: NumberRange): string {
  const what = integer ? 'a whole number' : 'a number'
  if (min !== undefined && max !== undefined) return `${what} from ${min} to ${max}`
  if (min !== undefined) return `${what} of at least ${min}`
  return max === undefined ? what : `${what} of at most ${max}`
}
