import type { Manifest } from '../../checkpoint/manifest.ts'
import type { NodeSnapshot } from '../../checkpoint/snapshot.ts'
import { findDamage } from '../../checkpoint/verify.ts'
import { verifyState } from '../../control/verify-state.ts'
import { type CommandFunction, EXIT } from '../command.ts'
import { formatBytes, formatDuration } from '../format.ts'
import { parseCheckpointId, pickEntry } from '../pick-checkpoint.ts'
import { configOf } from '../run-request.ts'
import { openStoredJob, stateBytesOf } from '../stored-job.ts'
import { tableText } from '../table.ts'

/** `millrace inspect JOB [N]`: what a checkpoint holds, every byte of it verified. */
export const inspectCommand: CommandFunction = async (args, terminal) => {
  const config = configOf(args, terminal)
  const [name = '', number] = args.positionals
  const job = await openStoredJob(config.dataDir, name)
  const { id, folder } = await pickEntry(job, parseCheckpointId('N', number))
  const manifest = await job.store.manifest({ id, folder })
  const damage = await findDamage(folder, manifest, verifyState)
  if (config.json)
    terminal.stdout.write(`${JSON.stringify({ folder, damage: damage ?? null, ...manifest }, lengths)}\n`)
  else
    terminal.stdout.write(
      inspectText(manifest, folder, damage === undefined ? 'verified' : `damaged: ${damage.file}: ${damage.reason}`),
    )
  return damage === undefined ? EXIT.done : EXIT.failed
}

function inspectText(manifest: Manifest, folder: string, verdict: string): string {
  const { job, id, startedAt, completedAt, keyGroups, final } = manifest
  const head = [
    `${job} checkpoint ${id}: ${verdict}`,
    `  completed ${new Date(completedAt).toISOString()} in ${formatDuration(completedAt - startedAt)}${final ? ', the last of its run' : ''}`,
    `  ${formatBytes(stateBytesOf(manifest))} of keyed state in ${keyGroups} key groups`,
    `  ${folder}`,
  ]
  const rows = manifest.graph.nodes.map(({ name, states }) => {
    const parts = manifest.tasks.flatMap(({ nodes }) => nodes).filter(({ node }) => node === name)
    return [
      name,
      String(parts.length),
      contentOf(parts),
      states.map((state) => `${state.name}: ${state.kind}`).join(', '),
    ]
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
  return shown.join(', ') || 'nothing'
}

/** Bytes are for the machine: programs get their number. */
function lengths(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? { bytes: value.byteLength } : value
}
