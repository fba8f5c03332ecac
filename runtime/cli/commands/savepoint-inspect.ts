import { inspectState, type NodeContents, type StateContents } from '../../control/savepoint-tools.ts'
import { type CommandFunction, EXIT } from '../command.ts'
import { formatBytes, formatCount } from '../format.ts'
import { requireStatePlace } from '../known-job.ts'
import { configOf } from '../run-request.ts'
import { instant, plainValue } from '../state-json.ts'
import { tableText } from '../table.ts'

/** `millrace savepoint inspect FILE|JOB`: what is kept, node by node and state by state. */
export const savepointInspectCommand: CommandFunction = async (args, terminal) => {
  const { dataDir, json } = configOf(args, terminal)
  const [place = ''] = args.positionals
  await requireStatePlace(dataDir, place)
  const kept = await inspectState({ dataDir, place })
  terminal.stdout.write(json ? `${JSON.stringify(plainValue(kept))}\n` : inspectText(kept))
  return EXIT.done
}

function inspectText({ path, job, checkpoint, createdAt, keyGroups, nodes }: StateContents): string {
  const head = `${path}: checkpoint ${checkpoint} of ${job}, whole\n  ${new Date(createdAt).toISOString()}, ${keyGroups} key groups\n`
  const tables = [stateTable(nodes), nodeTable(nodes)].filter((table) => table !== undefined)
  return [head, ...tables.map((table) => `${table}\n`)].join('\n')
}

function stateTable(nodes: readonly NodeContents[]): string | undefined {
  const rows = nodes.flatMap(({ node, state }) =>
    (state?.states ?? []).map(({ name, kind, codec, version, ttl, entries, bytes }) => [
      node,
      name,
      ttl ? `${kind}, with ttl` : kind,
      `${codec} ${version}`,
      formatCount(entries),
      formatBytes(bytes),
    ]),
  )
  if (rows.length === 0) return undefined
  return tableText(['node', 'state', 'kind', 'codec', 'entries', 'size'], rows, ['entries', 'size'])
}

function nodeTable(nodes: readonly NodeContents[]): string | undefined {
  const rows = nodes.map((node) => [node.node, ...counts(node), besides(node)])
  const holding = rows.filter((row) => row.slice(1).some((cell) => cell !== ''))
  if (holding.length === 0) return undefined
  const right = ['keys', 'splits']
  return tableText(['node', 'keys', 'event timers', 'processing timers', 'splits', 'beside'], holding, right)
}

function counts({ state, splits }: NodeContents): string[] {
  const timers = (domain: 'event' | 'processing'): string => {
    const { count = 0, earliest } = state?.timers[domain] ?? {}
    if (count === 0) return ''
    return earliest === undefined ? formatCount(count) : `${formatCount(count)}, from ${instant(earliest) ?? earliest}`
  }
  const keys = state === undefined || state.states.length === 0 ? '' : formatCount(state.keys)
  return [keys, timers('event'), timers('processing'), splits === undefined ? '' : formatCount(splits.length)]
}

function besides({ operatorBytes, enumeratorBytes, commitBytes }: NodeContents): string {
  const parts = [
    ['own state', operatorBytes],
    ['enumerator', enumeratorBytes],
    ['commits', commitBytes],
  ] as const
  return parts
    .filter(([, bytes]) => bytes > 0)
    .map(([what, bytes]) => `${what} ${formatBytes(bytes)}`)
    .join(', ')
}
