// What people ask of kept state: what a savepoint holds, and what is kept of one key. A job's latest checkpoint answers as well,
// also while the job runs: it is read through links of its own.

import { resolve } from 'node:path'
import { msgpackCodec } from '../../src/codec/msgpack-codec.ts'
import { MillraceError } from '../../src/errors.ts'
import { present } from '../../src/util/assert.ts'
import { type Key, keyGroupOf } from '../../src/util/key-group.ts'
import { nodeFs } from '../checkpoint/fs.ts'
import type { Manifest } from '../checkpoint/manifest.ts'
import { type PinnedCheckpoint, removeLeftovers, statesByNode, verifyPinned } from '../checkpoint/savepoint.ts'
import { SavepointFile } from '../checkpoint/savepoint-file.ts'
import type { StateHandle } from '../checkpoint/snapshot.ts'
import type { HeldState, StateSection, StateSummary } from '../checkpoint/state-section.ts'
import { describeKey, type KeptKey } from '../state/describe-key.ts'
import { exportKey, exportState } from '../state/export-state.ts'
import { PortableKeys } from '../state/portable-row.ts'
import type { Row } from '../state/rocks-store.ts'
import { afterPrefix } from '../state/row-key.ts'
import { lookAt } from './checkpoint-tools.ts'
import { processExists } from './job-lock.ts'
import { pinLatest } from './pin-latest.ts'
import { verifyState } from './verify-state.ts'

/** What is kept of one node. */
export interface NodeContents {
  readonly node: string
  readonly kind: string
  /** Keyed state: of an operator, or of a source's enumerator. */
  readonly state: StateSummary | undefined
  /** What the source has begun or not yet begun to read, with positions; undefined if it is no source. */
  readonly splits: readonly unknown[] | undefined
  /** Of state that is not keyed: the operator's own or the sink's. */
  readonly operatorBytes: number
  readonly enumeratorBytes: number
  /** Of what the sink has yet to commit. */
  readonly commitBytes: number
}

/** What a savepoint or a checkpoint holds. */
export interface StateContents {
  /** The file or folder. */
  readonly path: string
  readonly job: string
  readonly checkpoint: number
  /** Ms since the epoch. */
  readonly createdAt: number
  readonly keyGroups: number
  readonly nodes: readonly NodeContents[]
}

/** What is kept of one key. */
export interface KeyContents {
  readonly job: string
  readonly checkpoint: number
  readonly node: string
  /** `ttlMs`: the time to live, as the job declared it then. What has outlived it is still told here, though not to the job. */
  readonly states: readonly (KeptKey['states'][number] & { readonly ttlMs: number | undefined })[]
  readonly timers: KeptKey['timers']
}

/** Which key of which node. */
export interface KeyQuery {
  readonly node: string
  readonly key: Key
  /** Only this state. */
  readonly state?: string
}

/** A savepoint's file, or the name of a job in a data directory. */
export interface StatePlace {
  readonly dataDir: string
  readonly place: string
}

/** Reads all of it, and verifies all of a savepoint. Throws SAVEPOINT_*, CHECKPOINT_*. */
export function inspectState(where: StatePlace): Promise<StateContents> {
  return withSource(where, async (source) => {
    const { manifest, path } = source
    await source.verify()
    const summaries = new Map<string, StateSummary>()
    for (const [node, handles] of statesByNode(manifest)) summaries.set(node, await source.summary(node, handles))
    const nodes = manifest.graph.nodes.map(({ name, kind }) => nodeOf(manifest, name, kind, summaries.get(name)))
    const { job, id, completedAt, keyGroups } = manifest
    return { path, job, checkpoint: id, createdAt: completedAt, keyGroups, nodes }
  })
}

/** Reads what is kept of one key, and little else. Throws CONFIG_INVALID for a node or state that is not there, SAVEPOINT_*, CHECKPOINT_*. */
export function queryState(where: StatePlace, query: KeyQuery): Promise<KeyContents> {
  return withSource(where, async (source) => {
    const { manifest } = source
    const handles = statesOf(manifest, query.node)
    const { rows, held } = await source.key(query, handles)
    const { states, timers } = describeKey(rows, held)
    const names = [...new Set(held.map(({ name }) => name))]
    if (query.state !== undefined && !names.includes(query.state)) {
      throw unknown('state', query.state, `node "${query.node}" keeps ${names.join(', ') || 'no state but timers'}`)
    }
    const declared = manifest.graph.nodes.find(({ name }) => name === query.node)?.states
    const wanted = states
      .filter(({ name }) => query.state === undefined || name === query.state)
      .map((state) => ({ ...state, ttlMs: declared?.find(({ name }) => name === state.name)?.ttlMs }))
    return { job: manifest.job, checkpoint: manifest.id, node: query.node, states: wanted, timers }
  })
}

/** Where state is read from. */
interface StateSource {
  readonly path: string
  readonly manifest: Manifest
  verify(): Promise<void>
  summary(node: string, handles: readonly StateHandle[]): Promise<StateSummary>
  key(
    query: KeyQuery,
    handles: readonly StateHandle[],
  ): Promise<{ readonly rows: readonly Row[]; readonly held: readonly HeldState[] }>
}

async function withSource<T>({ dataDir, place }: StatePlace, work: (source: StateSource) => Promise<T>): Promise<T> {
  const file = await SavepointFile.open(nodeFs, resolve(place))
  if (file !== undefined) {
    try {
      return await work(fromSavepoint(file))
    } finally {
      await file.close()
    }
  }
  const { history, layout } = await lookAt(dataDir, place)
  if ((await history.retained()).length === 0) {
    throw new MillraceError('CHECKPOINT_NOT_FOUND', { checkpoint: '(the latest)', job: place, retained: 'none' })
  }
  await removeLeftovers(nodeFs, layout, processExists)
  const pinned = await pinLatest(history, layout.savepoints)
  try {
    return await work(fromCheckpoint(pinned))
  } finally {
    await nodeFs.removeFolder(pinned.folder)
  }
}

function fromSavepoint(file: SavepointFile): StateSource {
  const sectionOf = (handles: readonly StateHandle[]): StateSection =>
    present(handles[0]?.section, 'the section of a state in a savepoint')
  return {
    path: file.path,
    manifest: file.manifest,
    verify: () => file.verify(),
    summary: async (_node, handles) => {
      const { keys, states, timers } = sectionOf(handles)
      return { keys, states, timers }
    },
    key: async ({ key }, handles) => {
      const section = sectionOf(handles)
      const prefix = new PortableKeys(section.keyGroups).prefix(key)
      const rows: Row[] = []
      for await (const chunk of file.scan(section, prefix, afterPrefix(prefix))) rows.push(...chunk)
      return { rows, held: section.states }
    },
  }
}

function fromCheckpoint(pinned: PinnedCheckpoint): StateSource {
  const { folder, checkpoint, manifest, scratch } = pinned
  const { keyGroups } = manifest
  return {
    path: checkpoint,
    manifest,
    verify: () => verifyPinned(pinned, verifyState),
    summary: async (node, handles) => {
      const sources = handles.map((handle) => ({ folder, handle }))
      const { rows, summary } = await exportState(sources, { node, keyGroups, scratch })
      for await (const _ of rows);
      return summary()
    },
    key: async ({ node, key }, handles) => {
      const group = keyGroupOf(key, keyGroups)
      const found = handles.find((each) => each.keyGroups.start <= group && group < each.keyGroups.end)
      const handle = present(found, `key group ${group} of node ${node}`)
      const { rows, states } = await exportKey({ folder, handle }, key, { node, keyGroups, scratch })
      return { rows, held: states }
    },
  }
}

function nodeOf(manifest: Manifest, node: string, kind: string, state: StateSummary | undefined): NodeContents {
  const parts = manifest.tasks.flatMap(({ nodes }) => nodes).filter((part) => part.node === node)
  const bytes = (of: (part: (typeof parts)[number]) => Uint8Array | undefined): number =>
    parts.reduce((sum, part) => sum + (of(part)?.byteLength ?? 0), 0)
  const splits = parts.flatMap((part) =>
    part.splits === undefined ? [] : (msgpackCodec.decode(part.splits) as unknown[]),
  )
  return {
    node,
    kind,
    state,
    splits: kind === 'source' ? splits : undefined,
    operatorBytes: bytes(({ operator }) => operator),
    enumeratorBytes: bytes(({ enumerator }) => enumerator?.small),
    commitBytes: bytes(({ commit }) => commit),
  }
}

function statesOf(manifest: Manifest, node: string): readonly StateHandle[] {
  const states = new Map(statesByNode(manifest))
  const handles = states.get(node)
  if (handles !== undefined) return handles
  const there = manifest.graph.nodes.some(({ name }) => name === node)
  throw unknown(
    'node',
    node,
    `${there ? 'it keeps no keyed state; ' : ''}keyed state is kept of ${[...states.keys()].join(', ') || 'no node'}`,
  )
}

function unknown(option: string, value: string, hint: string): MillraceError {
  const reason = `there is no ${option === 'node' ? 'keyed state of node' : 'state'} "${value}" (${hint})`
  return new MillraceError('CONFIG_INVALID', { path: option, origin: 'the query', reason })
}
