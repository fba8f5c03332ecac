// The table of every option: its flag, its key in the config file, its environment variable, and what help says of it.

import { EXPLAIN_FORMATS } from '../../src/graph/explain.ts'

/** How an option's value is written. `optional`: a choice that may be left out (--explain, --explain=dot). */
export type OptionKind = 'switch' | 'text' | 'count' | 'duration' | 'size' | 'pair' | 'list' | 'choice' | 'optional'

/** The headings of help, in order. */
export const OPTION_GROUPS = {
  run: 'How it runs',
  restore: 'Where it starts (without these: from its latest complete checkpoint)',
  checkpoint: 'Checkpoints and restarts',
  output: 'What it says',
} as const

export type OptionGroup = keyof typeof OPTION_GROUPS

export interface OptionRow {
  /** The flag without its dashes. */
  readonly name: string
  /**
   * Dotted key in the config file; the environment variable is envName(name). Undefined: a decision about one run, so a flag
   * only. (`fresh` left behind in a file would give up the state at each start.)
   */
  readonly key: string | undefined
  readonly kind: OptionKind
  /** What stands for the value in help. */
  readonly value: string
  readonly group: OptionGroup
  readonly help: string
  readonly short?: string
  readonly choices?: readonly string[]
}

const option = (
  group: OptionGroup,
  name: string,
  kind: OptionKind,
  value: string,
  key: string | undefined,
  help: string,
  more: { readonly short?: string; readonly choices?: readonly string[] } = {},
): OptionRow => ({ group, name, kind, value, key, help, ...more })

export const RESTART_STRATEGIES = ['exponential-delay', 'fixed-delay', 'failure-rate', 'none'] as const

/** What `run-job FILE` takes. */
export const RUN_OPTIONS: readonly OptionRow[] = [
  option('run', 'set', 'pair', 'KEY=VALUE', 'settings', 'a setting the job reads; repeat it for more'),
  option('run', 'job', 'list', 'NAME', undefined, 'of a file with several jobs, this one; repeat it for more'),
  option('run', 'parallelism', 'count', 'N', 'parallelism', 'subtasks of each node that names no number itself (1)'),
  option('run', 'workers', 'count', 'N', 'workers', 'worker threads (cores less one, at most the parallelism)'),
  option('run', 'data-dir', 'text', 'DIR', 'dataDir', 'where checkpoints and state are kept (.millrace)'),
  option('run', 'state-cache', 'size', 'SIZE', 'stateCache', 'memory for keyed state: 1GiB, unlimited (256MiB)'),
  option('run', 'batch', 'switch', '', 'batch', 'read what is there, give final rows only, end'),
  option('run', 'in-process', 'switch', '', 'inProcess', 'no worker threads: for debuggers'),
  option('run', 'config', 'text', 'FILE', undefined, 'options from a JSON file (millrace.config.json if it is there)'),
  option(
    'restore',
    'from-checkpoint',
    'text',
    'N|DIR',
    undefined,
    'go back to a retained checkpoint; alone, lists them',
  ),
  option('restore', 'from-savepoint', 'text', 'FILE', undefined, 'start from a savepoint'),
  option('restore', 'fresh', 'switch', '', undefined, 'start over; earlier checkpoints are moved aside, not deleted'),
  option('restore', 'map', 'pair', 'OLD=NEW', undefined, 'a node was renamed: state of OLD goes to NEW'),
  option('restore', 'allow-dropped-state', 'list', 'NODE', undefined, 'a node was removed: give its state up'),
  option('restore', 'allow-repeat', 'list', 'SINK', undefined, 'this sink may write again what its readers have seen'),
  option('checkpoint', 'checkpoint-interval', 'duration', 'TIME', 'checkpoint.interval', 'from one to the next (10s)'),
  option('checkpoint', 'checkpoint-timeout', 'duration', 'TIME', 'checkpoint.timeout', 'give a slow one up (10m)'),
  option(
    'checkpoint',
    'checkpoint-min-pause',
    'duration',
    'TIME',
    'checkpoint.minPause',
    'least rest between two (0s)',
  ),
  option('checkpoint', 'checkpoint-retain', 'count', 'N', 'checkpoint.retain', 'how many are kept (3)'),
  option(
    'checkpoint',
    'checkpoint-expire',
    'duration',
    'TIME',
    'checkpoint.expire',
    'delete older ones; never the latest',
  ),
  option(
    'checkpoint',
    'checkpoint-failures',
    'count',
    'N',
    'checkpoint.tolerableFailures',
    'failures in a row before a restart (0)',
  ),
  option('checkpoint', 'restart', 'choice', 'STRATEGY', 'restart.strategy', RESTART_STRATEGIES.join(', '), {
    choices: RESTART_STRATEGIES,
  }),
  option('checkpoint', 'restart-attempts', 'count', 'N', 'restart.attempts', 'restarts before the job has failed'),
  option(
    'checkpoint',
    'restart-delay',
    'duration',
    'TIME',
    'restart.delay',
    'wait before a restart; the first of a growing one',
  ),
  option(
    'checkpoint',
    'heartbeat',
    'duration',
    'TIME',
    'heartbeat',
    'a worker silent for three of these is lost (10s)',
  ),
  option(
    'output',
    'explain',
    'optional',
    'FORMAT',
    undefined,
    `draw the graph, run nothing: ${EXPLAIN_FORMATS.join(', ')}`,
    {
      choices: EXPLAIN_FORMATS,
    },
  ),
  option('output', 'json', 'switch', '', 'json', 'one JSON object a line for every event'),
  option('output', 'quiet', 'switch', '', 'quiet', 'only failures and the summary', { short: 'q' }),
  option('output', 'verbose', 'switch', '', 'verbose', 'also debug lines, and stacks with failures', { short: 'v' }),
  option('output', 'help', 'switch', '', undefined, 'this text', { short: 'h' }),
  option('output', 'version', 'switch', '', undefined, 'the version of Millrace'),
]

/** Keys that only the file and the environment know: fine adjustments of a restart strategy. */
const FILE_KEYS: readonly string[] = [
  'restart.maxDelay',
  'restart.multiplier',
  'restart.resetAfter',
  'restart.jitter',
  'restart.failures',
  'restart.interval',
]

/** `checkpoint-interval` -> `MILLRACE_CHECKPOINT_INTERVAL`. */
export function envName(name: string): string {
  return `MILLRACE_${name.toUpperCase().replaceAll('-', '_')}`
}

/** Every key a file may hold, dotted, with the environment variable that means the same. */
export function configKeys(): ReadonlyMap<string, string> {
  const keys = new Map<string, string>()
  for (const row of RUN_OPTIONS) if (row.key !== undefined) keys.set(row.key, envName(row.name))
  for (const key of FILE_KEYS) keys.set(key, envName(key.replaceAll('.', '-').replaceAll(/[A-Z]/g, '-$&')))
  return keys
}
