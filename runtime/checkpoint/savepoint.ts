// Savepoints: what a checkpoint holds, in one file that belongs to nobody's retention and can be read anywhere (savepoint-format.md).
//
// Made while the job runs: every file of the checkpoint first gets a second name, which takes no time, so that retention may delete
// the checkpoint while it is being read.

import { basename, dirname, join } from 'node:path'
import { MillraceError } from '../../src/errors.ts'
import type { Fs } from './fs.ts'
import type { Manifest } from './manifest.ts'
import type { PortableRow } from './savepoint-format.ts'
import { partialPrefix, SavepointWriter } from './savepoint-writer.ts'
import type { NodeSnapshot, StateHandle } from './snapshot.ts'
import type { StateSection, StateSummary } from './state-section.ts'
import { corrupt, loadManifest } from './store.ts'
import { findDamage, handlesOf, type VerifyState } from './verify.ts'

/** Begins the names of folders that hold second names; the process id follows. */
const PINNED = '.pinned-'
const LEFT = /^\.(?:pinned|.*\.partial)-(\d+)-\d+$/

/** Reads the keyed state of one node from all its folders, as portable rows; the state backend knows how. */
export type ExportState = (
  sources: readonly { readonly folder: string; readonly handle: StateHandle }[],
  options: { readonly node: string; readonly keyGroups: number; readonly scratch: string },
) => Promise<{
  readonly rows: AsyncIterable<readonly PortableRow[]>
  /** Once the rows are read. */
  summary(): StateSummary
}>

/** A checkpoint under second names: there until they are removed, whatever retention does. */
export interface PinnedCheckpoint {
  readonly folder: string
  /** Its own. */
  readonly checkpoint: string
  readonly manifest: Manifest
  /** A folder to work in, gone with the pins. */
  readonly scratch: string
}

/** Gives every file a second name, in a folder of its own in `pins`; whoever is done removes that. Throws CHECKPOINT_CORRUPT, IO. */
export async function pinCheckpoint(fs: Fs, checkpoint: string, pins: string): Promise<PinnedCheckpoint> {
  const folder = join(pins, `${PINNED}${process.pid}-${process.hrtime.bigint()}`)
  try {
    const manifest = await loadManifest(fs, checkpoint, basename(checkpoint))
    await fs.mkdir(folder)
    for (const handle of handlesOf(manifest)) {
      await fs.mkdir(join(folder, handle.folder))
      for (const { name } of handle.files) {
        await fs.link(join(checkpoint, handle.folder, name), join(folder, handle.folder, name))
      }
    }
    return { folder, checkpoint, manifest, scratch: join(folder, '.scratch') }
  } catch (error) {
    await fs.removeFolder(folder)
    throw error
  }
}

/** Reads every file. Throws CHECKPOINT_CORRUPT with the file's own name. */
export async function verifyPinned(
  { folder, checkpoint, manifest }: PinnedCheckpoint,
  verify: VerifyState,
): Promise<void> {
  const damage = await findDamage(folder, manifest, verify)
  if (damage === undefined) return
  throw corrupt(String(manifest.id), damage.file.replace(folder, checkpoint), damage.reason)
}

/** Writes a savepoint to `target`, which must not exist and appears whole or not at all. Throws CHECKPOINT_CORRUPT, IO. */
export async function writeSavepoint(
  fs: Fs,
  pinned: PinnedCheckpoint,
  backend: { readonly verify: VerifyState; readonly exportState: ExportState },
  target: string,
): Promise<void> {
  const { folder, manifest, scratch } = pinned
  if (await fs.exists(target)) {
    throw new MillraceError('IO', { action: 'Could not write savepoint', path: target, reason: 'it is there already' })
  }
  await verifyPinned(pinned, backend.verify)
  const { job, id, completedAt, keyGroups } = manifest
  const header = { job, checkpoint: id, created: new Date(completedAt).toISOString(), keyGroups }
  const writer = await SavepointWriter.create(fs, target, header)
  try {
    const sections = new Map<string, StateSection>()
    for (const [node, handles] of statesByNode(manifest)) {
      const sources = handles.map((handle) => ({ folder, handle }))
      const exported = await backend.exportState(sources, { node, keyGroups, scratch })
      const place = await writer.section(exported.rows)
      sections.set(node, { ...place, ...exported.summary(), keyGroups })
    }
    await writer.finish(contentsOf(manifest, sections))
  } catch (error) {
    await writer.abandon()
    throw error
  }
}

/** What processes that were killed have left: second names, and savepoints that were begun, in the job's own folder or for a target. */
export async function removeLeftovers(
  fs: Fs,
  places: { readonly savepoints: string; readonly target?: string | undefined },
  isAlive: (pid: number) => boolean,
): Promise<void> {
  const remove = async (folder: string, isOurs: (name: string) => boolean): Promise<void> => {
    for (const name of await fs.list(folder)) {
      const pid = LEFT.exec(name)?.[1]
      if (pid !== undefined && isOurs(name) && !isAlive(Number(pid))) await fs.removeFolder(join(folder, name))
    }
  }
  const { savepoints, target } = places
  await remove(savepoints, () => true)
  if (target !== undefined) await remove(dirname(target), (name) => name.startsWith(partialPrefix(target)))
}

/** The keyed state of each node that has some (a source's is its enumerator's), in the order of their names. */
export function statesByNode(manifest: Manifest): [string, StateHandle[]][] {
  const byNode = new Map<string, StateHandle[]>()
  for (const { node, keyed, enumerator } of manifest.tasks.flatMap(({ nodes }) => nodes)) {
    for (const handle of [keyed, enumerator?.state]) {
      if (handle !== undefined) byNode.set(node, [...(byNode.get(node) ?? []), handle])
    }
  }
  return [...byNode].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** The manifest with the state of each node, of however many subtasks, as the one section that the first of them hands in. */
function contentsOf(manifest: Manifest, sections: ReadonlyMap<string, StateSection>): Manifest {
  const left = new Map(sections)
  const moved = (handle: StateHandle | undefined, node: string): StateHandle | undefined => {
    const section = left.get(node)
    if (handle === undefined || section === undefined) return undefined
    left.delete(node)
    const keyGroups = { start: 0, end: section.keyGroups }
    return { folder: node, files: [], keyGroups, states: handle.states, section }
  }
  const nodeOf = (snapshot: NodeSnapshot): NodeSnapshot => ({
    ...snapshot,
    keyed: moved(snapshot.keyed, snapshot.node),
    enumerator: snapshot.enumerator && {
      ...snapshot.enumerator,
      state: moved(snapshot.enumerator.state, snapshot.node),
    },
  })
  return { ...manifest, tasks: manifest.tasks.map((task) => ({ ...task, nodes: task.nodes.map(nodeOf) })) }
}
