import { MillraceError } from '../../errors.ts'

export type FileFormat = 'ndjson' | 'csv' | 'lines'

/** How a CSV file is written. */
export interface CsvDialect {
  /** One ASCII character. Default ','. */
  readonly delimiter?: string
  /** One ASCII character; within a quoted field it is doubled. Default '"'. */
  readonly quote?: string
}

export interface CsvSourceOptions extends CsvDialect {
  /** `true` (default): the first record of each file names the columns. Or the names, for files without such a record. */
  readonly header?: true | readonly string[]
  /** Take a record with fewer fields than columns as having empty ones at its end. Default false: it is malformed. */
  readonly pad?: boolean
}

export interface FilesSourceOptions<T> {
  /** Paths or globs (`*`, `**`, `?`, `[…]`, `{a,b}`); a leading `!` excludes. Relative to the working directory. */
  readonly paths: string | readonly string[]
  /** `ndjson`: one JSON value per line. `csv`: one object of strings per record. `lines`: the line as a string. */
  readonly format: FileFormat
  /** Go on with lines added later and with new files, as `tail -F` does. In batch mode all that is there is read, then it ends. */
  readonly follow?: boolean
  /**
   * `fail` (default): a malformed record fails the job with its file, line and reason.
   * `side`: the source yields FileRecord<T>; splitMalformed() puts malformed ones on the side output `malformed`.
   */
  readonly onMalformed?: 'fail' | 'side'
  /** Checks and types each value (a zod schema fits); what it throws makes the record malformed. */
  readonly schema?: { parse(value: unknown): T }
  readonly csv?: CsvSourceOptions
  /** `auto` (default): gzip if the name ends in .gz. */
  readonly compression?: 'auto' | 'none' | 'gzip'
  /** Longer records are malformed. Default 16 MiB. */
  readonly recordBytesMax?: number
  /** Fine if nothing matches: a source that does not follow otherwise fails then, for the path may be wrong. Default false. */
  readonly allowNone?: boolean
  /** How often files are looked at for more, while following. Default 250. */
  readonly pollIntervalMs?: number
  /** How often new files are looked for, while following. Default 1,000. */
  readonly discoverIntervalMs?: number
}

/** FilesSourceOptions with every default filled in. */
export interface FilesSourceConfig {
  readonly paths: readonly string[]
  readonly format: FileFormat
  readonly follow: boolean
  readonly onMalformed: 'fail' | 'side'
  readonly schema: { parse(value: unknown): unknown } | undefined
  readonly delimiter: string
  readonly quote: string
  readonly header: true | readonly string[]
  readonly pad: boolean
  readonly compression: 'auto' | 'none' | 'gzip'
  readonly recordBytesMax: number
  readonly allowNone: boolean
  readonly pollIntervalMs: number
  readonly discoverIntervalMs: number
}

export interface FilesSinkOptions<T> {
  /** Made if it is not there. */
  readonly directory: string
  readonly format: FileFormat
  /** Names of parts begin with it; no two sinks may share a directory and a prefix. Default: the node's name. */
  readonly prefix?: string
  /** A part that has reached this is closed and another one begun, also within an epoch. Default 128 MiB, before compression. */
  readonly roll?: { readonly bytes?: number }
  /** Compresses; names end in .gz. Default false. */
  readonly gzip?: boolean
  /** Columns in order; without them, those of the first record of a part. A record with another column fails the job. */
  readonly columns?: readonly (keyof T & string)[]
  readonly csv?: CsvDialect
}

/** FilesSinkOptions with every default filled in but the prefix, which only the node's name gives. */
export interface FilesSinkConfig {
  readonly directory: string
  readonly format: FileFormat
  readonly prefix: string | undefined
  readonly rollBytes: number
  readonly gzip: boolean
  readonly columns: readonly string[] | undefined
  readonly delimiter: string
  readonly quote: string
}

const FORMATS: readonly string[] = ['ndjson', 'csv', 'lines'] satisfies FileFormat[]

/** Checks options and fills in defaults. Throws CONNECTOR_OPTION. */
export function sourceConfig(options: FilesSourceOptions<unknown>): FilesSourceConfig {
  const check = checker('filesSource')
  const paths = typeof options.paths === 'string' ? [options.paths] : options.paths
  check('paths', paths.length > 0 && paths.every((path) => path !== ''), 'expected at least one path or glob')
  check('format', FORMATS.includes(options.format), `expected one of ${FORMATS.join(', ')}, got ${options.format}`)
  const header = options.csv?.header ?? true
  if (header !== true) {
    check('csv.header', header.length > 0 && new Set(header).size === header.length, 'expected names, each once')
  }
  return {
    paths,
    format: options.format,
    follow: options.follow ?? false,
    onMalformed: options.onMalformed ?? 'fail',
    schema: options.schema,
    ...dialect(check, options.csv),
    header,
    pad: options.csv?.pad ?? false,
    compression: options.compression ?? 'auto',
    recordBytesMax: positive(check, 'recordBytesMax', options.recordBytesMax, 16 << 20),
    allowNone: options.allowNone ?? false,
    pollIntervalMs: positive(check, 'pollIntervalMs', options.pollIntervalMs, 250),
    discoverIntervalMs: positive(check, 'discoverIntervalMs', options.discoverIntervalMs, 1000),
  }
}

/** Checks options and fills in defaults. Throws CONNECTOR_OPTION. */
export function sinkConfig<T>(options: FilesSinkOptions<T>): FilesSinkConfig {
  const check = checker('filesSink')
  check('directory', options.directory !== '', 'expected a path')
  check('format', FORMATS.includes(options.format), `expected one of ${FORMATS.join(', ')}, got ${options.format}`)
  const { prefix, columns } = options
  check(
    'prefix',
    prefix === undefined || PREFIX.test(prefix),
    'expected letters, digits, . _ or -, beginning with a letter or digit',
  )
  check('columns', columns === undefined || new Set(columns).size === columns.length, 'expected each name once')
  return {
    directory: options.directory,
    format: options.format,
    prefix,
    rollBytes: positive(check, 'roll.bytes', options.roll?.bytes, 128 << 20),
    gzip: options.gzip ?? false,
    columns,
    ...dialect(check, options.csv),
  }
}

/** As names of nodes are. */
const PREFIX = /^[A-Za-z0-9][\w.-]{0,99}$/

type Check = (path: string, holds: boolean, reason: string) => void

function checker(connector: string): Check {
  return (path, holds, reason) => {
    if (!holds) throw new MillraceError('CONNECTOR_OPTION', { path, connector, reason })
  }
}

function dialect(check: Check, csv: CsvDialect = {}): { delimiter: string; quote: string } {
  const delimiter = csv.delimiter ?? ','
  const quote = csv.quote ?? '"'
  const single = (text: string): boolean => /^[\t -~]$/.test(text)
  check('csv.delimiter', single(delimiter), 'expected one ASCII character')
  check('csv.quote', single(quote) && quote !== delimiter, 'expected one ASCII character other than the delimiter')
  return { delimiter, quote }
}

function positive(check: Check, path: string, value: number | undefined, fallback: number): number {
  const number = value ?? fallback
  check(path, number > 0 && !Number.isNaN(number), `expected a number above 0, got ${number}`)
  return number
}
