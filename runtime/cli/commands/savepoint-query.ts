import { type KeyContents, queryState } from '../../control/savepoint-tools.ts'
import { type CommandFunction, EXIT } from '../command.ts'
import { requireStatePlace } from '../known-job.ts'
import { type Arguments, misuse } from '../parse-arguments.ts'
import { configOf } from '../run-request.ts'
import { instant, parseKey, plainValue } from '../state-json.ts'

/** `millrace savepoint query FILE|JOB --node NODE --key KEY [--state STATE]`: what is kept of a key, as JSON. */
export const savepointQueryCommand: CommandFunction = async (args, terminal) => {
  const { dataDir, json } = configOf(args, terminal)
  const [place = ''] = args.positionals
  const typed = wanted(args, 'key')
  const state = args.values.get('state')
  const query = { node: wanted(args, 'node'), key: parseKey(typed), ...(state !== undefined && { state }) }
  await requireStatePlace(dataDir, place)
  const found = await queryState({ dataDir, place }, query)
  if (found.states.length === 0 && found.timers.length === 0) {
    const what = state === undefined ? 'nothing' : `nothing in state "${state}"`
    terminal.stderr.write(`Node "${found.node}" keeps ${what} of key ${typed} (checkpoint ${found.checkpoint}).\n`)
    return EXIT.failed
  }
  terminal.stdout.write(`${JSON.stringify(shown(found, plainValue(query.key)), null, json ? undefined : 2)}\n`)
  return EXIT.done
}

function wanted(args: Arguments, name: string): string {
  const value = args.values.get(name)
  if (value === undefined) throw misuse(`--${name}`, 'it is missing: which key of which node?')
  return value
}

function shown({ job, checkpoint, node, states, timers }: KeyContents, key: unknown): unknown {
  return { job, checkpoint, node, key, states: states.map(shownState), timers: timers.map(shownTimer) }
}

type State = KeyContents['states'][number]

function shownState({ name, kind, codec, version, ttlMs, values }: State): unknown {
  const head = { name, kind, codec, version }
  const parts = values.map(({ key, value, atMs }) => ({
    ...(key !== undefined && { key: plainValue(key) }),
    value: plainValue(value),
    ...(atMs !== undefined && { writtenAt: instant(atMs) }),
    ...(atMs !== undefined && ttlMs !== undefined && { expiresAt: instant(atMs + ttlMs) }),
  }))
  if (kind === 'map') return { ...head, entries: parts }
  if (kind === 'list') return { ...head, values: parts }
  return { ...head, ...parts[0] }
}

function shownTimer({ domain, time }: KeyContents['timers'][number]): unknown {
  return { domain, time: plainValue(time), at: instant(time) }
}
