import { parseArgs } from 'node:util'
import { MillraceError } from '../../src/errors.ts'
import { nearest } from '../../src/util/nearest.ts'
import type { OptionRow } from '../config/options.ts'

/** Arguments as written, by the table of options; nothing is interpreted yet. */
export interface Arguments {
  readonly positionals: readonly string[]
  /** The last value of each flag. Switches are 'true' or 'false'; optional choices given alone are ''. */
  readonly values: ReadonlyMap<string, string>
  /** Every value of the flags that may be repeated, in order. */
  readonly repeated: ReadonlyMap<string, readonly string[]>
  /** Flags that want a value and were given none. */
  readonly bare: ReadonlySet<string>
}

/** Alone it asks for the list of what it could name. */
const LISTING_FLAG = '--from-checkpoint'

interface Token {
  readonly name: string
  readonly rawName: string
  readonly value?: string | undefined
}

/** Reads the arguments of one command. Throws CONFIG_INVALID for unknown flags (with a suggestion) and values out of place. */
export function parseArguments(args: readonly string[], rows: readonly OptionRow[]): Arguments {
  const { tokens } = parseArgs({
    args: withForgottenValues(args, rows),
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries(rows.map((row) => [row.name, declaration(row)])),
  })
  const values = new Map<string, string>()
  const repeated = new Map<string, string[]>()
  const bare = new Set<string>()
  const positionals: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const { name } = token
    const row = rowOf(token, rows)
    const read = readValue(row, token)
    if (read === undefined) bare.add(name)
    else if (row.kind === 'pair' || row.kind === 'list') repeated.set(name, [...(repeated.get(name) ?? []), read])
    else values.set(name, read)
  }
  return { positionals, values, repeated, bare }
}

/** The pairs of a repeated KEY=VALUE flag, in order; a later one of the same key wins. Throws CONFIG_INVALID. */
export function pairsOf(args: Arguments, name: string): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>()
  for (const pair of args.repeated.get(name) ?? []) {
    const cut = pair.indexOf('=')
    // `--set fast`: a key alone means yes.
    if (cut < 0 && name === 'set') pairs.set(pair, '')
    else if (cut < 1) throw misuse(`--${name}`, `expected two parts joined by "=", got "${pair}"`)
    else pairs.set(pair.slice(0, cut), pair.slice(cut + 1))
  }
  return pairs
}

/** A misuse of the command line, as CONFIG_INVALID. */
export function misuse(path: string, reason: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', { path, origin: 'the command line', reason })
}

/**
 * `--data-dir --fresh`: the value was forgotten, so it must not swallow the next flag. (Who means it writes
 * `--data-dir=--fresh`.) Nor may `--from-checkpoint job.ts` swallow the job.
 */
function withForgottenValues(args: readonly string[], rows: readonly OptionRow[]): string[] {
  const wanting = new Set(rows.filter((row) => declaration(row).type === 'string').map(({ name }) => `--${name}`))
  const end = args.includes('--') ? args.indexOf('--') : args.length
  return args.map((arg, index) => {
    const next = args[index + 1]
    const forgotten = next?.startsWith('-') === true || (arg === LISTING_FLAG && /\.[cm]?[jt]sx?$/.test(next ?? ''))
    return index < end && wanting.has(arg) && forgotten ? `${arg}=` : arg
  })
}

function declaration(row: OptionRow): { type: 'boolean' | 'string'; short?: string; multiple: boolean } {
  const type = row.kind === 'switch' || row.kind === 'optional' ? 'boolean' : 'string'
  return { type, multiple: true, ...(row.short !== undefined && { short: row.short }) }
}

function rowOf(token: Token, rows: readonly OptionRow[]): OptionRow {
  const row = rows.find(({ name }) => name === token.name)
  if (row !== undefined) return row
  const meant = nearest(
    token.name,
    rows.map(({ name }) => name),
  )
  const hint = meant === undefined ? 'see --help' : `did you mean --${meant}?`
  throw misuse(token.rawName, `there is no such flag (${hint})`)
}

function readValue(row: OptionRow, { rawName, value }: Token): string | undefined {
  if (row.kind === 'switch') {
    if (value === undefined) return 'true'
    if (value === 'true' || value === 'false') return value
    throw misuse(rawName, `takes no value, got "${value}"`)
  }
  if (row.kind === 'optional' && value === undefined) return ''
  if (value === undefined || value === '') return missing(row, rawName)
  if (row.choices !== undefined && !row.choices.includes(value)) {
    throw misuse(rawName, `expected one of ${row.choices.join(', ')}, got "${value}"`)
  }
  return value
}

/** --from-checkpoint alone asks for the list; every other flag without its value is a mistake. */
function missing(row: OptionRow, rawName: string): undefined {
  if (rawName !== LISTING_FLAG) throw misuse(rawName, `needs a value: ${rawName} ${row.value}`)
}
