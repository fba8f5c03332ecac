// The three places configuration comes from, each read into a tree of the same shape, nothing interpreted yet.

import { readFileSync } from 'node:fs'
import { MillraceError, reasonOf } from '../../src/errors.ts'
import { nearest } from '../../src/util/nearest.ts'
import { configKeys, envName, RUN_OPTIONS } from './options.ts'

/** A tree with dotted keys laid out; nothing in it was checked. */
export type RawLayer = Record<string, unknown>

export interface Source {
  /** As an error names it. */
  readonly origin: string
  /** How a dotted key is called there. */
  readonly pathOf: (key: string) => string
  readonly raw: RawLayer
}

const CONFIG_FILE = 'millrace.config.json'
const PREFIX = 'MILLRACE_'
const SETTING_PREFIX = `${PREFIX}SET_`
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype'])
/**
 * Read elsewhere: which file to read, the failpoints of src/util/failpoint.ts, who watches over this process (cli/supervise), and an agent's
 * file (cli/commands/relay).
 */
const OTHER_VARIABLES = ['MILLRACE_CONFIG', 'MILLRACE_FAILPOINT', 'MILLRACE_SUPERVISOR', 'MILLRACE_RELAY_CONFIG']

/** Flags as parsed: dotted key -> value as written, and the pairs of --set. */
export function flagLayer(flags: ReadonlyMap<string, string>, settings: ReadonlyMap<string, string>): Source {
  const origin = 'the command line'
  const raw: RawLayer = {}
  for (const [key, value] of flags) place(raw, key, value)
  for (const [name, value] of settings) placeSetting(raw, name, value, `--set ${name}`, origin)
  const flagOf = new Map(RUN_OPTIONS.map((row) => [row.key, `--${row.name}`]))
  const pathOf = (key: string): string =>
    key.startsWith('settings.') ? `--set ${key.slice('settings.'.length)}` : (flagOf.get(key) ?? key)
  return { origin, pathOf, raw }
}

/** MILLRACE_* variables. One that looks like a misspelt option is refused; others are somebody else's. */
export function environmentLayer(env: Readonly<Record<string, string | undefined>>): Source {
  const origin = 'the environment'
  const keyOf = new Map([...configKeys()].map(([key, variable]) => [variable, key]))
  keyOf.delete(envName('set'))
  const raw: RawLayer = {}
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || value === '' || !name.startsWith(PREFIX) || OTHER_VARIABLES.includes(name)) continue
    const key = keyOf.get(name)
    if (name.startsWith(SETTING_PREFIX)) placeSetting(raw, name.slice(SETTING_PREFIX.length), value, name, origin)
    else if (key !== undefined) place(raw, key, value)
    else refuseMisspelt(name, [...keyOf.keys()], origin)
  }
  const variables = configKeys()
  const pathOf = (key: string): string =>
    key.startsWith('settings.') ? SETTING_PREFIX + key.slice('settings.'.length) : (variables.get(key) ?? key)
  return { origin, pathOf, raw }
}

/** The config file named, else millrace.config.json if it is there, else nothing. */
export function fileLayer(
  named: string | undefined,
  readFile = (file: string): string => readFileSync(file, 'utf8'),
): Source {
  const file = named ?? CONFIG_FILE
  const source = { origin: file, pathOf: (key: string): string => key }
  let content: string
  try {
    content = readFile(file)
  } catch (error) {
    if (named === undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') return { ...source, raw: {} }
    throw invalid('--config', 'the command line', `cannot read ${file}: ${reasonOf(error)}`)
  }
  return { ...source, raw: parseObject(content, file) }
}

/** Puts one setting where the schema expects it, refusing names that would reach an object's prototype. */
function placeSetting(raw: RawLayer, name: string, value: unknown, path: string, origin: string): void {
  if (FORBIDDEN.has(name)) throw invalid(path, origin, `"${name}" cannot be the name of a setting`)
  inner(raw, 'settings')[name] = value
}

function parseObject(content: string, file: string): RawLayer {
  let parsed: unknown
  try {
    parsed = JSON.parse(content)
  } catch (error) {
    throw invalid('(the whole file)', file, `is not JSON: ${reasonOf(error)}`)
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw invalid('(the whole file)', file, 'expected an object, { "parallelism": 4, … }')
  }
  refusePrototypes(parsed, '', file)
  return parsed as RawLayer
}

/** JSON.parse makes `__proto__` an own key: harmless here, a trap for whoever copies the object later. */
function refusePrototypes(value: object, path: string, file: string): void {
  for (const [key, inner] of Object.entries(value)) {
    const at = path === '' ? key : `${path}.${key}`
    if (FORBIDDEN.has(key)) throw invalid(at, file, `"${key}" cannot be a key`)
    if (typeof inner === 'object' && inner !== null) refusePrototypes(inner, at, file)
  }
}

function place(raw: RawLayer, key: string, value: unknown): void {
  const [first = '', second] = key.split('.')
  if (second === undefined) raw[first] = value
  else inner(raw, first)[second] = value
}

/** The object under a key, made if it is not there. */
function inner(raw: RawLayer, key: string): RawLayer {
  raw[key] ??= {}
  return raw[key] as RawLayer
}

function refuseMisspelt(name: string, known: readonly string[], origin: string): void {
  // Without the prefix: what all share must not make them alike.
  const bare = (variable: string): string => variable.slice(PREFIX.length)
  const close = nearest(bare(name), known.map(bare))
  const meant = close === undefined ? undefined : PREFIX + close
  if (meant !== undefined) throw invalid(name, origin, `there is no such variable (did you mean ${meant}?)`)
}

function invalid(path: string, origin: string, reason: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', { path, origin, reason })
}
