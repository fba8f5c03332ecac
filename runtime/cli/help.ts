// Help, made from the table of options and the table of commands, so that it cannot forget one.

import { OPTION_GROUPS, type OptionGroup, type OptionRow, RUN_OPTIONS } from '../config/options.ts'
import { COMMANDS, type Command } from './command-table.ts'

const COLUMN = 30

/** `run-job --help` (bin 'run-job') or `millrace run --help`. */
export function runHelp(bin: string): string {
  const groups = Object.entries(OPTION_GROUPS).map(([group, heading]) => {
    const rows = RUN_OPTIONS.filter((row) => row.group === (group as OptionGroup))
    return `${heading}\n${rows.map(optionLine).join('\n')}`
  })
  return `Runs the job that FILE exports, from where it last was.

  ${bin} FILE [options]

Examples
  ${bin} jobs/quickstart.ts                        run it; run it again and it goes on
  ${bin} jobs/quickstart.ts --set orders=100000    with a setting of the job's
  ${bin} --explain jobs/quickstart.ts              draw it, run nothing
  ${bin} jobs/quickstart.ts --from-checkpoint      what it can go back to
  ${bin} jobs/quickstart.ts --json 2>events.ndjson
  ${bin} jobs.ts --job totals                      one job of several; without --job all

${groups.join('\n\n')}

Options also come from MILLRACE_* variables (--data-dir is MILLRACE_DATA_DIR, --set k=v is
MILLRACE_SET_k) and from millrace.config.json ("checkpoint": { "interval": "10s" }); a flag
wins over a variable, a variable over the file. Those under "Where it starts" are flags only.

The job's own output goes to stdout; the view, events and summary go to stderr. The view is
drawn when stderr is a terminal; else each event is a line. Ctrl-C takes a last checkpoint
and ends; a second one ends at once, losing nothing that was committed.
Exit code: 0 finished or stopped, 1 failed, 2 misuse: the command line, the configuration or
the job file says something that cannot be run.

Next: \`millrace help\` (checkpoints, savepoints), README.md, jobs/tour/.
`
}

/** Help of one `millrace` command. */
export function commandHelp(name: string, command: Command): string {
  if (name === 'run') return runHelp('millrace run')
  const options = command.options.map(optionLine).join('\n')
  const examples = command.examples.map((example) => `  ${example}`).join('\n')
  const usage = `millrace ${name}${command.arguments === '' ? '' : ` ${command.arguments}`} [options]`
  return `${sentence(command.summary)}\n\n  ${usage}\n\nExamples\n${examples}\n\nOptions\n${options}\n`
}

/** `millrace help`. */
export function overviewHelp(): string {
  const rows = Object.entries(COMMANDS).map(
    ([name, command]) => [`${name} ${command.arguments}`, command.summary] as const,
  )
  rows.push(['help [COMMAND]', 'this list, or all about one command'])
  const width = Math.max(...rows.map(([usage]) => usage.length))
  const lines = rows.map(([usage, summary]) => `  ${usage.padEnd(width)}  ${summary}`)
  return `Runs stream-processing jobs and looks after what they keep.

  millrace COMMAND [options]

${lines.join('\n')}

A job is a file: \`millrace run FILE\`, or \`run-job FILE\` for short. What it keeps is in
.millrace/JOB/ (--data-dir DIR elsewhere). \`millrace help COMMAND\` tells the rest.

Next: run-job --help, README.md, jobs/tour/.
`
}

function optionLine(row: OptionRow): string {
  const short = row.short === undefined ? '    ' : `-${row.short}, `
  const value = row.kind === 'optional' ? `[=${row.value}]` : row.value === '' ? '' : ` ${row.value}`
  const left = `  ${short}--${row.name}${value}`
  return `${left.padEnd(COLUMN + 6)} ${row.help}`
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
