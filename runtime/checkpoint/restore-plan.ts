// Restore planning: from a manifest and the new plan to what each new subtask gets. Pure.
//
// Every part of a checkpoint goes to exactly one place or is refused by name; only what --allow-dropped-state names is given up.
// Keyed state goes where its key groups are now owned; operator state and commits of old subtask j to new subtask j mod p;
// splits stay with their subtask while the parallelism is the same and are spread round robin otherwise; the enumerator
// stays beside subtask 0. Watermarks go to every subtask. Broadcast state is the same in all subtasks: each new
// one gets that of one old one.

import { msgpackCodec } from '../../src/codec/msgpack-codec.ts'
import { keyGroupRange } from '../../src/util/key-group.ts'
import type { NodeDescription } from '../plan/physical-plan.ts'
import type { Manifest } from './manifest.ts'
import { checkRestorable, type RestoreInput } from './restore-checks.ts'
import type { NodeRestore, NodeSnapshot, StateHandle } from './snapshot.ts'

/** By node of the job, then by new subtask. Nodes that are new have no entry. Throws RESTORE_*, CONFIG_INVALID. */
export function planRestore(input: RestoreInput): Readonly<Record<string, readonly NodeRestore[]>> {
  const byOldNode = snapshotsByNode(input.manifest)
  const kept = checkRestorable(input, byOldNode)
  const restore: Record<string, readonly NodeRestore[]> = {}
  for (const [oldName, newName] of kept) {
    restore[newName] = restoreNode(input, newName, byOldNode.get(oldName) ?? [])
  }
  return restore
}

function snapshotsByNode(manifest: Manifest): Map<string, NodeSnapshot[]> {
  const byNode = new Map<string, NodeSnapshot[]>()
  for (const snapshot of manifest.tasks.flatMap((task) => task.nodes)) {
    const list = byNode.get(snapshot.node)
    if (list === undefined) byNode.set(snapshot.node, [snapshot])
    else list.push(snapshot)
  }
  for (const list of byNode.values()) list.sort((a, b) => a.subtask - b.subtask)
  return byNode
}

function restoreNode(input: RestoreInput, node: string, snapshots: readonly NodeSnapshot[]): NodeRestore[] {
  const parallelism = input.plan.tasks.find((task) => task.nodes.includes(node))?.parallelism ?? 1
  const splits = spreadSplits(snapshots, parallelism)
  const watermarks = leastWatermarks(snapshots)
  const description = input.graph.nodes.find((now) => now.name === node)
  return Array.from({ length: parallelism }, (_, subtask) => {
    const inherited = snapshots.filter((snapshot) => snapshot.subtask % parallelism === subtask)
    return {
      node,
      folder: input.folder,
      checkpoint: input.manifest.id,
      keyed: overlapping(snapshots, keyGroupRange(subtask, parallelism, input.plan.keyGroups)),
      operator: heirTo(description, snapshots, { subtask, inherited })
        .map((snapshot) => snapshot.operator)
        .filter((state) => state !== undefined),
      splits: splits[subtask],
      enumerator:
        subtask === 0 ? snapshots.find((snapshot) => snapshot.enumerator !== undefined)?.enumerator : undefined,
      commits: inherited.map((snapshot) => snapshot.commit).filter((commit) => commit !== undefined),
      watermarks,
    }
  })
}

/** Whose operator state a subtask gets: that of all, of any (it is alike in all), or of those it inherits. */
function heirTo(
  node: NodeDescription | undefined,
  snapshots: readonly NodeSnapshot[],
  { subtask, inherited }: { readonly subtask: number; readonly inherited: readonly NodeSnapshot[] },
): readonly NodeSnapshot[] {
  if (node?.unionState === true) return snapshots
  if (node === undefined || !hasBroadcastState(node)) return inherited
  return snapshots.slice(subtask % snapshots.length).slice(0, 1)
}

/** Broadcast state is that of operators with a broadcast stream beside another one. */
function hasBroadcastState({ kind, inputs }: NodeDescription): boolean {
  return kind === 'operator' && inputs.some((edge) => edge.partitioner === 'broadcast' && edge.input > 0)
}

/** A split is in one subtask only; an operator's event time is the least that any of its subtasks had reached. */
function leastWatermarks(snapshots: readonly NodeSnapshot[]): Record<string, number> {
  const least: Record<string, number> = {}
  for (const [name, timestamp] of snapshots.flatMap(({ watermarks = {} }) => Object.entries(watermarks))) {
    least[name] = Math.min(least[name] ?? Number.POSITIVE_INFINITY, timestamp)
  }
  return least
}

function overlapping(
  snapshots: readonly NodeSnapshot[],
  range: { readonly start: number; readonly end: number },
): StateHandle[] {
  return (
    snapshots
      .map((snapshot) => snapshot.keyed)
      .filter((handle) => handle !== undefined)
      // Of a savepoint every subtask takes what it owns, also when there is another number of key groups now.
      .filter(
        ({ keyGroups, section }) =>
          section !== undefined || (keyGroups.start < range.end && range.start < keyGroups.end),
      )
  )
}

/** The packed splits of each new subtask; undefined for all if the node is no source. */
function spreadSplits(snapshots: readonly NodeSnapshot[], parallelism: number): (Uint8Array | undefined)[] {
  const packed = snapshots.map((snapshot) => snapshot.splits)
  if (packed.every((splits) => splits === undefined)) return []
  if (snapshots.length === parallelism) return packed
  const spread: unknown[][] = Array.from({ length: parallelism }, () => [])
  const all = packed.flatMap((splits) => (splits === undefined ? [] : (msgpackCodec.decode(splits) as unknown[])))
  for (const [index, split] of all.entries()) spread[index % parallelism]?.push(split)
  // A copy: the codec hands out views of one buffer that it goes on using.
  return spread.map((splits) => new Uint8Array(msgpackCodec.encode(splits)))
}
