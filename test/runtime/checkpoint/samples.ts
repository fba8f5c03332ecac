// Manifests and graphs to test with.

import type { Manifest } from '../../../runtime/checkpoint/manifest.ts'
import type { NodeSnapshot, StateHandle, TaskSnapshot } from '../../../runtime/checkpoint/snapshot.ts'
import type { GraphDescription, NodeDescription } from '../../../runtime/plan/physical-plan.ts'
import { msgpackCodec } from '../../../src/codec/msgpack-codec.ts'

const pack = (value: unknown): Uint8Array => new Uint8Array(msgpackCodec.encode(value))

export function nodeOf(name: string, more: Partial<NodeDescription> = {}): NodeDescription {
  return {
    name,
    kind: 'operator',
    type: 'test',
    parallelism: undefined,
    keyed: false,
    states: [],
    inputs: [],
    boundedness: undefined,
    guarantee: undefined,
    sinkKind: undefined,
    rewindable: undefined,
    ...more,
  }
}

export function snapshotOf(node: string, subtask: number, more: Partial<NodeSnapshot> = {}): NodeSnapshot {
  return {
    node,
    subtask,
    keyed: undefined,
    operator: undefined,
    splits: undefined,
    enumerator: undefined,
    commit: undefined,
    ...more,
  }
}

export function handleOf(folder: string, start: number, end: number): StateHandle {
  return { folder, files: [{ name: 'a.sst', bytes: 3, crc: 1 }], keyGroups: { start, end }, states: [] }
}

export function taskOf(task: number, subtask: number, nodes: readonly NodeSnapshot[] = []): TaskSnapshot {
  return { task, subtask, nodes, times: { alignMs: 1, pauseMs: 2, asyncMs: 3 }, stateBytes: 10 }
}

export const GRAPH: GraphDescription = {
  job: 'shop',
  nodes: [nodeOf('in', { kind: 'source' }), nodeOf('sums', { keyed: true })],
}

export function manifestOf(id: number, more: Partial<Manifest> = {}): Manifest {
  return {
    job: 'shop',
    id,
    startedAt: 1000 + id,
    completedAt: 1010 + id,
    final: false,
    keyGroups: 128,
    graph: GRAPH,
    tasks: [
      taskOf(0, 0, [
        snapshotOf('in', 0, { splits: pack([{ id: 's' }]), enumerator: { small: pack(null), state: undefined } }),
        snapshotOf('sums', 0, { keyed: handleOf('sums-0', 0, 128), operator: Buffer.from([1, 2, 3]) }),
      ]),
    ],
    ...more,
  }
}
