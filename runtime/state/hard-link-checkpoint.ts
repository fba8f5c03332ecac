// A checkpoint of a RocksDB folder by hard links, while the database is open and compacts. See design.md, "Checkpoints".
//
// No write may be in flight. SST files are immutable: they are linked. The others are still appended to: they are copied. The
// MANIFEST says which SSTs make up the database: if it changed meanwhile, or a file vanished, the copy may be of two minds and
// is made anew. Linked is every SST that is there; those which the copied MANIFEST does not name are taken out again: they are
// still being written (so not immutable yet), or about to be deleted.

import { copyFile, link, mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MillraceError } from '../../src/errors.ts'
import { crc32 } from '../../src/util/crc32.ts'
import { failpoint } from '../../src/util/failpoint.ts'
import type { StateFile } from '../checkpoint/snapshot.ts'

const ATTEMPTS = 100
const READ_BYTES = 1 << 20
/** Errors by which file systems say that they cannot link: then the file is copied. */
const NO_LINKS = new Set(['EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS'])

/** CRCs of SST files by name: immutable, so each is read once. */
export type KnownFiles = Map<string, StateFile>

/** An open database, as far as its files go. */
export interface LiveDatabase {
  readonly folder: string
  /** The SST files that its MANIFEST names; undefined while a flush or compaction may have written to the one, not the other. */
  liveTables(): ReadonlySet<string> | undefined
  /** The SST files that the MANIFEST of a copy names. Changes nothing there. */
  tablesOf(folder: string): Promise<ReadonlySet<string>>
}

/** Makes `target` (which must not exist) a copy of the database. Answers its files with sizes and CRCs. */
export async function hardLinkCheckpoint(
  database: LiveDatabase,
  target: string,
  known: KnownFiles,
): Promise<readonly StateFile[]> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const names = await tryLink(database, target)
    if (names !== undefined) {
      const files = await describe(target, names, known)
      await syncFolder(target)
      failpoint('state.link.after')
      return files
    }
    await rm(target, { recursive: true, force: true })
  }
  throw new MillraceError('IO', {
    action: 'link',
    path: database.folder,
    reason: `its files changed during each of ${ATTEMPTS} attempts`,
  })
}

/** Copies a checkpoint back to where a database may be opened on it: nothing it will write to is shared. */
export async function restoreLinks(source: string, target: string, files: readonly StateFile[]): Promise<void> {
  await mkdir(target, { recursive: true })
  for (const [i, { name }] of files.entries()) {
    await place(join(source, name), join(target, name), isImmutable(name))
    if (i === files.length >>> 1) failpoint('restore.link.middle')
  }
}

export function isImmutable(name: string): boolean {
  return name.endsWith('.sst')
}

/** Size and CRC-32 of a file, read in pieces. */
export async function checksumFile(path: string): Promise<{ readonly bytes: number; readonly crc: number }> {
  const file = await open(path, 'r')
  try {
    const buffer = Buffer.allocUnsafe(READ_BYTES)
    let crc = 0
    let bytes = 0
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, READ_BYTES, bytes)
      if (bytesRead === 0) return { bytes, crc }
      crc = crc32(buffer.subarray(0, bytesRead), crc)
      bytes += bytesRead
    }
  } finally {
    await file.close()
  }
}

/** The names of the files placed; undefined if the database changed meanwhile. */
async function tryLink(database: LiveDatabase, target: string): Promise<readonly string[] | undefined> {
  const source = database.folder
  try {
    const before = await manifestOf(source)
    const live = database.liveTables()
    const names = (await readdir(source)).filter(belongs)
    await mkdir(target)
    for (const [i, name] of names.entries()) {
      await place(join(source, name), join(target, name), isImmutable(name))
      if (i === names.length >>> 1) failpoint('state.link.middle')
    }
    if ((await manifestOf(source)) !== before) return undefined
    return await keepTables(target, names, live ?? (await database.tablesOf(target)))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && (await exists(source))) return undefined
    throw error
  }
}

/** Takes out the SSTs that are no part of the database. Undefined if one that is was not there yet. */
async function keepTables(
  target: string,
  names: readonly string[],
  tables: ReadonlySet<string>,
): Promise<readonly string[] | undefined> {
  const kept = names.filter((name) => !isImmutable(name) || tables.has(name))
  for (const name of names) if (!kept.includes(name)) await rm(join(target, name))
  return kept.filter(isImmutable).length === tables.size ? kept : undefined
}

/** Name and size of the MANIFEST: it grows, or has another name, with each flush and compaction. */
async function manifestOf(folder: string): Promise<string> {
  const name = (await readFile(join(folder, 'CURRENT'), 'utf8')).trim()
  return `${name} ${(await stat(join(folder, name))).size}`
}

/** LOCK and RocksDB's own log are no part of the database. */
function belongs(name: string): boolean {
  return isImmutable(name) || name.endsWith('.log') || /^(CURRENT|IDENTITY|MANIFEST-\d+|OPTIONS-\d+)$/.test(name)
}

async function place(from: string, to: string, linked: boolean): Promise<void> {
  if (!linked) return copyFile(from, to)
  try {
    await link(from, to)
  } catch (error) {
    if (!NO_LINKS.has((error as NodeJS.ErrnoException).code ?? '')) throw error
    await copyFile(from, to)
  }
}

async function describe(folder: string, names: readonly string[], known: KnownFiles): Promise<readonly StateFile[]> {
  const files: StateFile[] = []
  const linked: KnownFiles = new Map()
  for (const name of names) {
    const file = known.get(name) ?? { name, ...(await checksumFile(join(folder, name))) }
    if (isImmutable(name)) linked.set(name, file)
    else await syncFile(join(folder, name))
    files.push(file)
  }
  // Only what is still there: names of deleted files never come back.
  known.clear()
  for (const [name, file] of linked) known.set(name, file)
  return files
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
