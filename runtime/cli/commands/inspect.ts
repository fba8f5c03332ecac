import type { NodeSnapshot } from '../../checkpoint/snapshot.ts'
import { inspectCheckpoint } from '../../control/checkpoint-tools.ts'
import { type CommandFunction, EXIT } from '../command.ts'
import { formatBytes, formatDuration } from '../format.ts'
import { pickCheckpoint } from '../known-job.ts'
import { configOf } from '../run-request.ts'
import { tableText } from '../table.ts'

type Details = Awaited<ReturnType<typeof inspectCheckpoint>>

/** `millrace inspect JOB [N]`: what a checkpoint holds, every byte of it verified. Throws CHECKPOINT_CORRUPT. */
export const inspectCommand: CommandFunction = async (args, terminal) => {
  const { dataDir, json } = configOf(args, terminal)
  const [job = '', number] = args.positionals
  const id = await pickCheckpoint(dataDir, job, { path: 'N', text: number })
  const details = await inspectCheckpoint(dataDir, job, id)
  terminal.stdout.write(json ? `${JSON.stringify(details, bytesAsLength)}\n` : inspectText(details))
  return EXIT.done
}

function inspectText({ manifest, folder, durationMs, stateBytes, final }: Details): string {
  const { job, id, completedAt, keyGroups, graph, tasks } = manifest
  const last = final ? ', the last of its run' : ''
  const head = [
    `${job} checkpoint ${id}: complete, every file verified${last}`,
    `  ${new Date(completedAt).toISOString()}, took ${formatDuration(durationMs)}, ${formatBytes(stateBytes)}, ${keyGroups} key groups`,
    `  ${folder}`,
  ]
  const rows = graph.nodes.map(({ name, states }) => {
    const parts = tasks.flatMap(({ nodes }) => nodes).filter(({ node }) => node === name)
    const declared = states.map((state) => `${state.name}: ${state.kind}`).join(', ')
    return [name, parts.length === 0 ? '' : String(parts.length), contentOf(parts), declared]
  })
  return `${head.join('\n')}\n\n${tableText(['node', 'subtasks', 'holds', 'states'], rows, ['subtasks'])}\n`
}

/** In words: keyed state, what the operator keeps itself, how far a source has read, what a sink has yet to commit. */
function contentOf(parts: readonly NodeSnapshot[]): string {
  const sum = (bytes: (part: NodeSnapshot) => number | undefined): number =>
    parts.reduce((total, part) => total + (bytes(part) ?? 0), 0)
  const held = [
    ['keyed state', sum(({ keyed }) => keyed?.files.reduce((total, file) => total + file.bytes, 0))],
    ['operator state', sum(({ operator }) => operator?.byteLength)],
    ['positions', sum(({ splits }) => splits?.byteLength)],
    ['enumerator', sum(({ enumerator }) => enumerator?.small.byteLength)],
    ['commits', sum(({ commit }) => commit?.byteLength)],
  ] as const
  const shown = held.filter(([, bytes]) => bytes > 0).map(([what, bytes]) => `${what} ${formatBytes(bytes)}`)
  return shown.join(', ')
}

/** Bytes are for the machine: programs get their number. */
function bytesAsLength(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? { bytes: value.byteLength } : value
}
