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

const queryOption = (name: string, value: string, help: string): OptionRow => ({
  name,
  key: undefined,
  kind: 'text',
  value,
  group: 'restore',
  help,
})

const atNode = queryOption('node', 'NODE', 'the node that keeps it')
const ofKey = queryOption('key', 'KEY', 'as JSON: 17, "Anna", true, ["Anna", 3]; a bigint is 17n')
const onlyState = queryOption('state', 'STATE', 'this state only (all of them)')

const TYPES_OPTIONS: readonly OptionRow[] = [
  {
    name: 'option',
    key: undefined,
    kind: 'pair',
    value: 'KEY=VALUE',
    group: 'run',
    help: "as in the job's source: bigints=number; repeat it for more",
  },
  { name: 'out', key: undefined, kind: 'text', value: 'FILE', group: 'output', help: 'into this file (stdout)' },
  {
    name: 'password-env',
    key: undefined,
    kind: 'text',
    value: 'NAME',
    group: 'run',
    help: 'the variable that holds the password (MILLRACE_PASSWORD)',
  },
]

const reportOption = (name: string, value: string, help: string, kind: OptionRow['kind'] = 'text'): OptionRow => ({
  name,
  key: undefined,
  kind,
  value,
  group: 'run',
  help,
})

const KAFKA_OPTIONS: readonly OptionRow[] = [
  reportOption('brokers', 'LIST', 'HOST:PORT,… of some brokers of the cluster'),
  reportOption('config', 'FILE', "JSON with options as in the job's sink: brokers, ssl, sasl"),
  reportOption('prefix', 'NAME', "transactionalIdPrefix of the job's sinks (millrace)"),
]

const RELAY_OFFSETS_OPTIONS: readonly OptionRow[] = [
  reportOption('brokers', 'LIST', 'HOST:PORT,… of the cluster that records came to'),
  reportOption('config', 'FILE', 'JSON with options of its connection: brokers, ssl, sasl'),
  reportOption('group', 'PATTERN', 'which groups (all): * and ?, ! leaves out; repeat it for more', 'list'),
  reportOption('topic', 'PATTERN', 'which topics, by their names here (all); repeat it for more', 'list'),
  reportOption('site', 'NAME', 'the site that records came from (all)'),
  reportOption('from', 'LIST|FILE', 'ask the source: its brokers, or its --config; needs --site'),
  reportOption('rename', 'FROM=TO', 'with --from: names of topics here, *=paris.*; repeat for more', 'list'),
  reportOption('offsets-topic', 'NAME', 'where the relay keeps offsets here (millrace-group-offsets)'),
  reportOption('commit', '', 'commit them for these groups, here', 'switch'),
  reportOption('force', '', 'with --commit: also back from where a group is here', 'switch'),
  jsonOption,
  ...only('help'),
]

const AGENT_OPTIONS: readonly OptionRow[] = [
  {
    name: 'config',
    key: undefined,
    kind: 'text',
    value: 'FILE',
    group: 'run',
    help: 'what to do, as JSON; must be given',
  },
  ...RUN_OPTIONS.filter(({ name }) => !['config', 'set', 'job'].includes(name)).map((row) =>
    row.name === 'checkpoint-interval' ? { ...row, help: 'from one to the next (what FILE says, or 1s)' } : row,
  ),
]

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
      ...only('set', 'job', 'parallelism', 'data-dir', 'batch', 'config', 'help'),
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
    arguments: 'JOB [FILE]',
    summary: 'write all that a job keeps into one portable file, also while it runs',
    examples: [
      'millrace savepoint quickstart',
      'millrace savepoint quickstart --stop',
      'millrace savepoint quickstart /backup/quickstart.savepoint --checkpoint 7',
      'run-job jobs/quickstart.ts --from-savepoint /backup/quickstart.savepoint --parallelism 4',
    ],
    options: [stopFirst, atCheckpoint, ...SHARED],
    takes: [1, 2],
    load: async () => (await import('./commands/savepoint.ts')).savepointCommand,
  },
  'savepoint inspect': {
    arguments: 'FILE|JOB',
    summary: 'show what is kept, by node: states, timers, positions of sources',
    examples: [
      'millrace savepoint inspect /backup/quickstart.savepoint',
      'millrace savepoint inspect quickstart --json',
    ],
    options: SHARED,
    takes: [1, 1],
    load: async () => (await import('./commands/savepoint-inspect.ts')).savepointInspectCommand,
  },
  'savepoint query': {
    arguments: 'FILE|JOB',
    summary: 'print what is kept of one key, as JSON (exit code 1: nothing is)',
    examples: [
      'millrace savepoint query quickstart --node totals --key 17',
      `millrace savepoint query s.savepoint --node totals --state sum --key '"Anna"'`,
      `millrace savepoint query s.savepoint --node totals --key '["Anna", 12n]'`,
    ],
    options: [atNode, ofKey, onlyState, ...SHARED],
    takes: [1, 1],
    load: async () => (await import('./commands/savepoint-query.ts')).savepointQueryCommand,
  },
  types: {
    arguments: 'URL TABLE...',
    summary: 'write the TypeScript types of the rows of tables',
    examples: [
      'MILLRACE_PASSWORD=… millrace types mysql://reader@db.example.org/shop orders customers',
      "millrace types mysql://reader@db 'shop.*' '!shop.log' --password-env SHOP_PASSWORD --out rows.ts",
      'millrace types mariadb://reader@db/shop orders --option bigints=number --option temporal=date',
    ],
    options: [...TYPES_OPTIONS, ...only('help')],
    takes: [2, Number.POSITIVE_INFINITY],
    load: async () => (await import('./commands/types.ts')).typesCommand,
  },
  'kafka markers': {
    arguments: 'JOB',
    summary: 'list the last epoch that each writer of a job has committed',
    examples: [
      'millrace kafka markers orders --brokers kafka.example.org:9092',
      'millrace kafka markers orders --config kafka.json --json',
    ],
    options: [...KAFKA_OPTIONS, jsonOption, ...only('help')],
    takes: [1, 1],
    load: async () => (await import('./commands/report.ts')).reportCommand('connectors/kafka', 'markers'),
  },
  'kafka transactions': {
    arguments: 'JOB',
    summary: 'list transactions of a job, what holds its readers back, and their lag',
    examples: [
      'millrace kafka transactions orders --brokers kafka.example.org:9092',
      'millrace kafka transactions orders --config kafka.json --topic orders --topic payments',
    ],
    options: [
      ...KAFKA_OPTIONS,
      reportOption('topic', 'NAME', 'look at this topic, too; repeat it for more', 'list'),
      jsonOption,
      ...only('help'),
    ],
    takes: [1, 1],
    load: async () => (await import('./commands/report.ts')).reportCommand('connectors/kafka', 'transactions'),
  },
  'relay send': {
    arguments: '',
    summary: 'send what a connector reads to another site, as a file says',
    examples: [
      'millrace relay send --config send.json',
      'millrace relay send --config send.json --data-dir /var/lib/millrace --checkpoint-interval 200ms',
    ],
    options: AGENT_OPTIONS,
    takes: [0, 0],
    load: async () => (await import('./commands/relay.ts')).relayCommand('send'),
  },
  'relay receive': {
    arguments: '',
    summary: 'write with a connector what other sites send, as a file says',
    examples: [
      'millrace relay receive --config receive.json',
      'millrace relay receive --config receive.json --explain',
    ],
    options: AGENT_OPTIONS,
    takes: [0, 0],
    load: async () => (await import('./commands/relay.ts')).relayCommand('receive'),
  },
  'relay offsets': {
    arguments: '',
    summary: "tell where another site's consumer groups go on here, and let them",
    examples: [
      'millrace relay offsets --brokers kafka2.example.org:9092',
      'millrace relay offsets --brokers kafka2.example.org:9092 --group shop-* --commit',
    ],
    options: RELAY_OFFSETS_OPTIONS,
    takes: [0, 0],
    load: async () => (await import('./commands/report.ts')).reportCommand('relay', 'offsets'),
  },
}
