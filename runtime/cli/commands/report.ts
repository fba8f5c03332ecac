import { readFileSync } from 'node:fs'
import type { MakeReport, Report, ReportCell, ReportTable } from '../../../src/contract/report.ts'
import { reasonOf } from '../../../src/errors.ts'
import { type CommandFunction, EXIT } from '../command.ts'
import { asJson } from '../event-line.ts'
import { formatCount, formatDuration } from '../format.ts'
import { type Arguments, misuse } from '../parse-arguments.ts'
import { tableText } from '../table.ts'

/**
 * `millrace CONNECTOR REPORT JOB`. As for `millrace types`, the connector is loaded by the package's own door, such as `connectors/kafka`, and
 * only when it is asked for.
 */
export function reportCommand(door: string, report: string): CommandFunction {
  return async (args, terminal) => {
    const name = `millrace/${door}`
    // import: which door it is, is known only now
    const { reports } = (await import(name)) as { readonly reports: Readonly<Record<string, MakeReport>> }
    const make = reports[report] as MakeReport
    const [job = ''] = args.positionals
    const found = await make({ job, connection: connectionOf(args), flags: flagsOf(args) })
    terminal.stdout.write(`${args.values.get('json') === 'true' ? asJson(found.data) : reportText(found)}\n`)
    return EXIT.done
  }
}

/** Flags that say where to connect to; those that are left belong to the report. */
const CONNECTION_FLAGS: ReadonlySet<string> = new Set(['brokers', 'config', 'json', 'help'])

/** What --config holds, and over it what --brokers says. */
function connectionOf({ values }: Arguments): Readonly<Record<string, unknown>> {
  const [brokers, config] = [values.get('brokers'), values.get('config')]
  if (brokers === undefined && config === undefined)
    throw misuse(
      '--brokers',
      'it is missing: --brokers HOST:PORT,…, or --config FILE with the options of the connection',
    )
  return { ...(config !== undefined && readOptions(config)), ...(brokers !== undefined && { brokers }) }
}

function readOptions(path: string): Readonly<Record<string, unknown>> {
  let options: unknown
  try {
    options = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw misuse('--config', `${path}: ${reasonOf(error)}`)
  }
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return { ...options }
  throw misuse('--config', `${path}: expected an object with the options of the connection`)
}

function flagsOf({ values, repeated }: Arguments): Readonly<Record<string, readonly string[]>> {
  const given = [...[...values].map(([name, value]) => [name, [value]] as const), ...repeated]
  return Object.fromEntries(given.filter(([name]) => !CONNECTION_FLAGS.has(name)))
}

function reportText({ tables }: Report): string {
  if (tables.length === 1)
    return tables.map((table) => (table.rows.length === 0 ? table.none : rowsText(table))).join('')
  return tables
    .map((table) => `${table.title}\n${table.rows.length === 0 ? `  ${table.none}` : rowsText(table)}`)
    .join('\n\n')
}

function rowsText({ columns, rows }: ReportTable): string {
  const nowMs = Date.now()
  const numbers = columns.filter((_, column) => rows.some((row) => typeof row[column] === 'number'))
  const texts = rows.map((row) => row.map((cell) => cellText(cell, nowMs)))
  return tableText(columns, texts, numbers)
}

function cellText(cell: ReportCell, nowMs: number): string {
  if (cell === null) return ''
  if (typeof cell === 'string') return cell
  return typeof cell === 'number' ? formatCount(cell) : `${formatDuration(nowMs - cell.atMs)} ago`
}
