// Restoring a database: by linking, where one checkpoint holds exactly the range, else by copying the rows of the owned groups,
// be it from other databases or from a savepoint.

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { MillraceError, reasonOf } from '../../src/errors.ts'
import type { StateHandle } from '../checkpoint/snapshot.ts'
import type { StateSection } from '../checkpoint/state-section.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { isImmutable, type KnownFiles, restoreLinks } from './hard-link-checkpoint.ts'
import { importSection, shapesOf } from './import-section.ts'
import { RocksStore, type Row } from './rocks-store.ts'
import { MAIN, MAP, META_ROW, readTimerRowKey, rowRange, timerRange } from './row-key.ts'
import { parseStateTable, StateTable } from './state-table.ts'

const SCAN_ROWS = 4000

export interface RestoreSource {
  /** Absolute: the folder of a checkpoint, or the file of a savepoint. */
  readonly folder: string
  readonly handle: StateHandle
}

export interface RestoreTarget {
  readonly node: string
  readonly keyGroups: number
  readonly range: { readonly start: number; readonly end: number }
  readonly workFolder: string
  /** Gets the SST files whose CRCs the checkpoint tells. */
  readonly known: KnownFiles
}

export interface RestoredState {
  readonly store: RocksStore
  readonly table: StateTable
}

/** Opens a store in the work folder with the rows of the sources. Throws STATE_BACKEND, RESTORE_KEY_GROUPS, CHECKPOINT_*, SAVEPOINT_*. */
export async function restoreState(sources: readonly RestoreSource[], target: RestoreTarget): Promise<RestoredState> {
  const { range } = target
  const only = sources.length === 1 ? sources[0] : undefined
  if (only?.handle.section !== undefined) return fromSavepoint(only.folder, only.handle.section, target)
  if (only !== undefined && only.handle.keyGroups.start === range.start && only.handle.keyGroups.end === range.end) {
    for (const file of only.handle.files) if (isImmutable(file.name)) target.known.set(file.name, file)
    return openLinked(only, target.workFolder, target)
  }
  requireCover(sources, target)
  const store = await openStore(target.workFolder, target.node)
  const table = new StateTable()
  try {
    for (const [i, source] of sources.entries()) await copySource(source, i, { store, table }, target)
    return { store, table }
  } catch (error) {
    await store.close()
    throw error
  }
}

async function fromSavepoint(file: string, section: StateSection, target: RestoreTarget): Promise<RestoredState> {
  const store = await openStore(target.workFolder, target.node)
  try {
    await importSection(file, section, store, target)
    return { store, table: new StateTable(shapesOf(section)) }
  } catch (error) {
    await store.close()
    throw error
  }
}

/** Opens a store; the folder is made if it is not there. Throws STATE_BACKEND. */
export async function openStore(folder: string, node: string): Promise<RocksStore> {
  const store = new RocksStore(folder)
  try {
    await store.open()
  } catch (error) {
    throw new MillraceError('STATE_BACKEND', { node, path: folder, reason: reasonOf(error) }, error)
  }
  return store
}

/** Opens a copy of a source's database in `folder`, made of links: opening writes. Throws as restoreState. */
export async function openLinked(
  source: RestoreSource,
  folder: string,
  target: Pick<RestoreTarget, 'node' | 'keyGroups'>,
): Promise<RestoredState> {
  const from = join(source.folder, source.handle.folder)
  try {
    await restoreLinks(from, folder, source.handle.files)
  } catch (error) {
    throw new MillraceError('STATE_BACKEND', { node: target.node, path: from, reason: reasonOf(error) }, error)
  }
  const store = await openStore(folder, target.node)
  try {
    return { store, table: await readTable(store, target, from) }
  } catch (error) {
    await store.close()
    throw error
  }
}

async function readTable(
  store: RocksStore,
  target: Pick<RestoreTarget, 'node' | 'keyGroups'>,
  from: string,
): Promise<StateTable> {
  const [meta] = await store.getMany([META_ROW])
  if (meta === undefined) {
    throw new MillraceError('STATE_BACKEND', {
      node: target.node,
      path: from,
      reason: 'it does not say which states it holds',
    })
  }
  return parseStateTable(meta, target.node, target.keyGroups)
}

/** Each owned group must come from exactly one source: nothing is dropped or merged silently. */
function requireCover(sources: readonly RestoreSource[], { node, range }: RestoreTarget): void {
  for (let group = range.start; group < range.end; group++) {
    const holders = sources.filter(({ handle }) => handle.keyGroups.start <= group && group < handle.keyGroups.end)
    if (holders.length === 1) continue
    const path = sources.map((source) => join(source.folder, source.handle.folder)).join(', ')
    throw new MillraceError('STATE_BACKEND', {
      node,
      path,
      reason: `key group ${group} is in ${holders.length} of them`,
    })
  }
}

/** Copies the owned groups of one source. It is opened on links of its own in a temporary folder, for opening writes. */
async function copySource(
  source: RestoreSource,
  index: number,
  into: RestoredState,
  target: RestoreTarget,
): Promise<void> {
  const start = Math.max(source.handle.keyGroups.start, target.range.start)
  const end = Math.min(source.handle.keyGroups.end, target.range.end)
  if (start >= end) return
  const folder = `${target.workFolder}.source-${index}`
  await rm(folder, { recursive: true, force: true })
  const { store, table } = await openLinked(source, folder, target)
  try {
    const tags = new Map(table.shapes.map((shape) => [shape.tag, into.table.tagOf(shape)]))
    const renamed = [...tags].some(([from, to]) => from !== to)
    for (const kind of [MAIN, MAP]) {
      const { from, to } = rowRange(kind, start, end)
      for await (const rows of store.scan(from, to, SCAN_ROWS)) {
        await writeRows(into.store, renamed ? rows.map((row) => retag(kind, row, tags)) : rows)
      }
    }
    const { from, to } = timerRange()
    for await (const rows of store.scan(from, to, SCAN_ROWS)) {
      const owned = rows.filter(([key]) => isOwned(readTimerRowKey(key).group, start, end))
      await writeRows(into.store, owned)
    }
  } finally {
    await store.close()
    await rm(folder, { recursive: true, force: true })
  }
}

function isOwned(group: number, start: number, end: number): boolean {
  return start <= group && group < end
}

async function writeRows(store: RocksStore, rows: readonly Row[]): Promise<void> {
  const batch = store.batch()
  for (const [key, value] of rows) batch.put(key, value)
  await store.write(batch)
}

/** The row with the tags that the target's table gives to its states. */
function retag(kind: number, [key, value]: Row, tags: ReadonlyMap<number, number>): Row {
  if (kind === MAIN) return [key, retagItems(value, tags)]
  return [retagMapKey(key, tags), value]
}

function retagItems(row: Buffer, tags: ReadonlyMap<number, number>): Buffer {
  const out = new ByteWriter(row.length + 16)
  const reader = new ByteReader(row)
  while (reader.more) {
    const tag = reader.varint()
    const payload = reader.bytes(reader.varint())
    out.varint(tags.get(tag) ?? tag)
    out.varint(payload.length)
    out.bytes(payload)
  }
  return out.copy()
}

function retagMapKey(row: Buffer, tags: ReadonlyMap<number, number>): Buffer {
  const reader = new ByteReader(row, 3)
  reader.bytes(reader.varint())
  const out = new ByteWriter(row.length + 8)
  out.bytes(row.subarray(0, reader.at))
  const tag = reader.varint()
  out.varint(tags.get(tag) ?? tag)
  out.bytes(row.subarray(reader.at))
  return out.copy()
}
