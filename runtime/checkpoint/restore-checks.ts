// What must hold between a checkpoint and the job that is to go on from it. Nothing is ever dropped in silence.

import { msgpackCodec } from '../../src/codec/msgpack-codec.ts'
import { MillraceError } from '../../src/errors.ts'
import type { GraphDescription, NodeDescription, PhysicalPlan } from '../plan/physical-plan.ts'
import type { Manifest } from './manifest.ts'
import type { NodeSnapshot } from './snapshot.ts'

/** What the operator of the job agreed to. */
export interface RestoreWishes {
  /** old node name -> new node name */
  readonly map: Readonly<Record<string, string>>
  readonly allowDroppedState: readonly string[]
}

export interface RestoreInput {
  readonly folder: string
  readonly manifest: Manifest
  readonly graph: GraphDescription
  readonly plan: PhysicalPlan
  readonly wishes: RestoreWishes
}

/**
 * Pairs of old and new node names whose state is to be restored. Throws RESTORE_NODE_MISSING, RESTORE_NODE_CHANGED,
 * RESTORE_KEY_GROUPS, CONFIG_INVALID.
 */
export function checkRestorable(
  input: RestoreInput,
  byOldNode: ReadonlyMap<string, readonly NodeSnapshot[]>,
): readonly (readonly [string, string])[] {
  const now = new Map(input.graph.nodes.map((node) => [node.name, node]))
  checkMapping(input, now)
  const kept: [string, string][] = []
  for (const [oldName, snapshots] of byOldNode) {
    if (!snapshots.some(holdsState)) continue
    const newName = input.wishes.map[oldName] ?? oldName
    const allowed = input.wishes.allowDroppedState.includes(oldName)
    const node = now.get(newName)
    const problem = node === undefined ? missing(input.manifest, oldName) : changed(input, oldName, snapshots, node)
    if (problem === undefined) kept.push([oldName, newName])
    else if (!allowed) throw problem
  }
  checkOnePerNode(kept)
  return kept
}

/** Going back to an older checkpoint: sinks that cannot take back what they wrote. Throws RESTORE_SINK_REPEATS. */
export function checkRepeats(
  nodes: readonly NodeDescription[],
  checkpoint: number,
  allowRepeat: readonly string[],
): void {
  for (const node of nodes) {
    if (node.rewindable === false && !allowRepeat.includes(node.name)) {
      throw new MillraceError('RESTORE_SINK_REPEATS', { node: node.name, checkpoint })
    }
  }
}

const KINDS = { source: 'a source', operator: 'an operator', sink: 'a sink' } as const

/** Whether giving this up would lose anything. */
function holdsState(snapshot: NodeSnapshot): boolean {
  return (
    snapshot.keyed !== undefined ||
    snapshot.operator !== undefined ||
    snapshot.enumerator !== undefined ||
    snapshot.commit !== undefined ||
    (snapshot.splits !== undefined && (msgpackCodec.decode(snapshot.splits) as unknown[]).length > 0)
  )
}

function checkMapping(input: RestoreInput, now: ReadonlyMap<string, NodeDescription>): void {
  for (const [oldName, newName] of Object.entries(input.wishes.map)) {
    if (now.has(newName)) continue
    const reason = `job "${input.graph.job}" has no node "${newName}". It has: ${[...now.keys()].join(', ')}`
    throw new MillraceError('CONFIG_INVALID', { path: `map.${oldName}`, origin: 'the command', reason })
  }
}

function checkOnePerNode(kept: readonly (readonly [string, string])[]): void {
  const taken = new Map<string, string>()
  for (const [oldName, newName] of kept) {
    const other = taken.get(newName)
    if (other !== undefined) {
      const reason = `nodes "${other}" and "${oldName}" of the checkpoint would both go to "${newName}"`
      throw new MillraceError('CONFIG_INVALID', { path: `map.${oldName}`, origin: 'the command', reason })
    }
    taken.set(newName, oldName)
  }
}

function missing(manifest: Manifest, node: string): MillraceError {
  return new MillraceError('RESTORE_NODE_MISSING', { checkpoint: manifest.id, node })
}

/** Why this node of the job cannot take over that node's state. */
function changed(
  input: RestoreInput,
  oldName: string,
  snapshots: readonly NodeSnapshot[],
  node: NodeDescription,
): MillraceError | undefined {
  const { manifest } = input
  const was = manifest.graph.nodes.find((other) => other.name === oldName)
  const refuse = (what: string, now: string): MillraceError =>
    new MillraceError('RESTORE_NODE_CHANGED', { checkpoint: manifest.id, node: oldName, was: what, now })
  if (was !== undefined && was.kind !== node.kind) return refuse(`the state of ${KINDS[was.kind]}`, KINDS[node.kind])
  if (was?.sinkKind !== node.sinkKind)
    return refuse(`the state of a sink of kind ${was?.sinkKind}`, `one of kind ${node.sinkKind}`)
  const keyed = snapshots.map((snapshot) => snapshot.keyed).filter((handle) => handle !== undefined)
  if (keyed.length > 0 && !node.keyed) return refuse('keyed state', 'not keyed')
  // A savepoint is by key: its rows find their new groups.
  const byGroup = keyed.some((handle) => handle.section === undefined)
  if (byGroup && manifest.keyGroups !== input.plan.keyGroups) {
    return new MillraceError('RESTORE_KEY_GROUPS', {
      node: oldName,
      was: manifest.keyGroups,
      now: input.plan.keyGroups,
    })
  }
  return undefined
}
