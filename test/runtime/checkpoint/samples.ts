// Manifests and graphs to test with.

import { join } from 'node:path'
import type { Manifest } from '../../../runtime/checkpoint/manifest.ts'
import { type ExportState, pinCheckpoint, writeSavepoint } from '../../../runtime/checkpoint/savepoint.ts'
import type { NodeSnapshot, StateHandle, TaskSnapshot } from '../../../runtime/checkpoint/snapshot.ts'
import type { VerifyState } from '../../../runtime/checkpoint/verify.ts'
import type { GraphDescription, NodeDescription } from '../../../runtime/plan/physical-plan.ts'
import { msgpackCodec } from '../../../src/codec/msgpack-codec.ts'
import type { MemoryFs } from './memory-fs.ts'

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

/** A state folder is whole while its one file has three bytes. */
export const verifying =
  (fs: MemoryFs): VerifyState =>
  async (folder, handle) => {
    const name = handle.files[0]?.name ?? ''
    const state = await fs.read(join(folder, name))
    return state?.byteLength === 3 ? undefined : { file: join(folder, name), reason: 'it is not whole' }
  }

/** The state of a folder is one row: its file's bytes. */
const exporting =
  (fs: MemoryFs): ExportState =>
  async (sources) => ({
    rows: (async function* () {
      for (const { folder, handle } of sources) {
        const bytes = await fs.read(join(folder, handle.folder, handle.files[0]?.name ?? ''))
        yield [[Buffer.from([0, 0, 1]), Buffer.from(bytes ?? [])] as const]
      }
    })(),
    summary: () => ({
      states: [{ name: 'sum', kind: 'value', codec: 'msgpack', version: 1, ttl: false, entries: 1, bytes: 3 }],
      keys: 1,
      timers: { event: { count: 0, earliest: undefined }, processing: { count: 0, earliest: undefined } },
    }),
  })

/** Makes a savepoint of the checkpoint in a folder. */
export async function saveTo(fs: MemoryFs, checkpoint: string, target: string): Promise<void> {
  const pinned = await pinCheckpoint(fs, checkpoint, '/data/shop/savepoints')
  try {
    await writeSavepoint(fs, pinned, { verify: verifying(fs), exportState: exporting(fs) }, target)
  } finally {
    await fs.removeFolder(pinned.folder)
  }
}
