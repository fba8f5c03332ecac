// What `millrace` can do. Each command is imported only when it is asked for: --help must not load the machine.

import { type OptionRow, RUN_OPTIONS } from '../config/options.ts'
import type { CommandFunction } from './command.ts'

export interface Command {
  readonly arguments: string
  readonly summary: string
  readonly examples: readonly string[]
  readonly options: readonly OptionRow[]
  /** How many arguments beside options: at least, at most. */
  readonly takes: readonly [number, number]
  readonly load: () => Promise<CommandFunction>
}

const only = (...names: string[]): OptionRow[] => RUN_OPTIONS.filter(({ name }) => names.includes(name))

const jsonOption: OptionRow = {
  name: 'json',
  key: 'json',
  kind: 'switch',
  value: '',
  group: 'output',
  help: 'as JSON, for programs',
}
const SHARED = [...only('data-dir', 'config'), jsonOption, ...only('help')]

const format = (name: string, help: string): OptionRow => ({
  name,
  key: undefined,
  kind: 'switch',
  value: '',
  group: 'output',
  help,
})

const atCheckpoint: OptionRow = {
  name: 'checkpoint',
  key: undefined,
  kind: 'count',
  value: 'N',
  group: 'restore',
  help: 'of this retained checkpoint instead of a new one',
}

const stopFirst: OptionRow = {
  name: 'stop',
  key: undefined,
  kind: 'switch',
  value: '',
  group: 'run',
  help: 'stop the job; the savepoint is of its last checkpoint',
}

/** name -> what it takes and does, in the order of help. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  run: {
    arguments: 'FILE',
    summary: 'run a job, from where it last was',
    examples: [],
    options: RUN_OPTIONS,
    takes: [1, 1],
    load: async () => (await import('./commands/run.ts')).runCommand,
  },
  explain: {
    arguments: 'FILE',
    summary: 'draw the graph of a job: nodes, chains, state, guarantees',
    examples: [
      'millrace explain jobs/quickstart.ts',
      'millrace explain jobs/quickstart.ts --dot | dot -Tsvg > job.svg',
    ],
    options: [
      format('text', 'for people (the default)'),
      format('mermaid', 'for Markdown'),
      format('dot', 'for Graphviz'),
      format('json', 'for programs'),
      ...only('set', 'parallelism', 'data-dir', 'batch', 'config', 'help'),
    ],
    takes: [1, 1],
    load: async () => (await import('./commands/explain.ts')).explainCommand,
  },
  jobs: {
    arguments: '',
    summary: 'list the jobs that keep something here, and whether they run',
    examples: ['millrace jobs', 'millrace jobs --data-dir /var/lib/millrace --json'],
    options: SHARED,
    takes: [0, 0],
    load: async () => (await import('./commands/jobs.ts')).jobsCommand,
  },
  checkpoints: {
    arguments: 'JOB',
    summary: 'list the checkpoints that are retained: the places to go back to',
    examples: ['millrace checkpoints quickstart', 'run-job jobs/quickstart.ts --from-checkpoint 7'],
    options: SHARED,
    takes: [1, 1],
    load: async () => (await import('./commands/checkpoints.ts')).checkpointsCommand,
  },
  inspect: {
    arguments: 'JOB [N]',
    summary: 'show what a checkpoint holds, node by node (default: the latest)',
    examples: ['millrace inspect quickstart', 'millrace inspect quickstart 7 --json'],
    options: SHARED,
    takes: [1, 2],
    load: async () => (await import('./commands/inspect.ts')).inspectCommand,
  },
  savepoint: {
    arguments: 'JOB [DIR]',
    summary: 'keep a checkpoint in a place of its own; a running job takes one for it',
    examples: [
      'millrace savepoint quickstart',
      'millrace savepoint quickstart --stop',
      'millrace savepoint quickstart /backup/quickstart --checkpoint 7',
      'run-job jobs/quickstart.ts --from-savepoint /backup/quickstart',
    ],
    options: [stopFirst, atCheckpoint, ...SHARED],
    takes: [1, 2],
    load: async () => (await import('./commands/savepoint.ts')).savepointCommand,
  },
}
