// The file system as checkpoints see it: a small port, so that a simulation can hold writes in memory, fail any one of them, and crash.

import { type FileHandle, link, mkdir, open, readdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { MillraceError, reasonOf } from '../../src/errors.ts'

/** A file being written. */
export interface FsFile {
  write(bytes: Uint8Array): Promise<void>
  /** Returns only when what was written survives a power cut. */
  sync(): Promise<void>
  close(): Promise<void>
}

/** A file being read, at any place. */
export interface FsReader {
  /** Of the file, as it was opened. */
  readonly bytes: number
  /** Exactly `length` bytes from `at` on. */
  read(at: number, length: number): Promise<Buffer>
  close(): Promise<void>
}

/** What checkpoints need of a disk. Paths are absolute. Failures are MillraceErrors with code IO. */
export interface Fs {
  /** Makes a folder and those above it; nothing if it is there. */
  mkdir(path: string): Promise<void>
  /** Names in a folder, sorted; none if it is not there. */
  list(path: string): Promise<readonly string[]>
  /** A file's content; undefined if it is not there. */
  read(path: string): Promise<Uint8Array | undefined>
  /** A file to read from; undefined if there is none of that name (a folder is none). */
  open(path: string): Promise<FsReader | undefined>
  /** Whether a file or folder is there. */
  exists(path: string): Promise<boolean>
  /** A new file, empty; one that was there is cut. */
  create(path: string): Promise<FsFile>
  rename(from: string, to: string): Promise<void>
  /** Makes a folder's entries survive a power cut. */
  syncFolder(path: string): Promise<void>
  /** A second name for a file. */
  link(from: string, to: string): Promise<void>
  /** A file; nothing if it is not there. */
  unlink(path: string): Promise<void>
  /** A folder and all in it; nothing if it is not there. */
  removeFolder(path: string): Promise<void>
}

/** The disk. */
export const nodeFs: Fs = {
  mkdir: (path) => attempt('make folder', path, async () => void (await mkdir(path, { recursive: true }))),
  list: (path) => attempt('list', path, async () => (await absentAs([], () => readdir(path))).sort()),
  read: (path) => attempt('read', path, () => absentAs(undefined, () => readFile(path))),
  open: (path) => attempt('open', path, () => openReader(path)),
  exists: (path) => attempt('look at', path, () => exists(path)),
  create: (path) => attempt('create', path, async () => new NodeFile(path, await open(path, 'w'))),
  rename: (from, to) => attempt('rename', from, () => rename(from, to)),
  syncFolder: (path) => attempt('sync', path, () => syncFolder(path)),
  link: (from, to) => attempt('link', from, () => link(from, to)),
  unlink: (path) => attempt('delete', path, () => absentAs(undefined, () => unlink(path))),
  removeFolder: (path) => attempt('delete', path, () => rm(path, { recursive: true, force: true })),
}

/**
 * Writes a file so that it is there whole or not at all, also after a power cut. `parts` are written one after another;
 * `step` is told before the rename and after it (for failpoints).
 */
export async function writeAtomic(
  fs: Fs,
  path: string,
  parts: readonly Uint8Array[],
  step?: (at: 'part-written' | 'before-rename' | 'after-rename') => void,
): Promise<void> {
  const temporary = `${path}.tmp`
  const file = await fs.create(temporary)
  try {
    for (const part of parts) {
      await file.write(part)
      step?.('part-written')
    }
    await file.sync()
  } finally {
    await file.close()
  }
  step?.('before-rename')
  await fs.rename(temporary, path)
  step?.('after-rename')
  await fs.syncFolder(dirname(path))
}

class NodeFile implements FsFile {
  readonly #path: string
  readonly #handle: FileHandle

  constructor(path: string, handle: FileHandle) {
    this.#path = path
    this.#handle = handle
  }

  write(bytes: Uint8Array): Promise<void> {
    return attempt('write', this.#path, () => this.#handle.writeFile(bytes))
  }

  sync(): Promise<void> {
    return attempt('sync', this.#path, () => this.#handle.sync())
  }

  close(): Promise<void> {
    return attempt('close', this.#path, () => this.#handle.close())
  }
}

async function openReader(path: string): Promise<FsReader | undefined> {
  const handle = await absentAs(undefined, () => open(path, 'r'), ['ENOENT', 'ENOTDIR'])
  const found = await handle?.stat()
  if (handle !== undefined && found?.isFile() === true) return new NodeReader(path, handle, found.size)
  await handle?.close()
  return undefined
}

class NodeReader implements FsReader {
  readonly bytes: number
  readonly #path: string
  readonly #handle: FileHandle

  constructor(path: string, handle: FileHandle, bytes: number) {
    this.#path = path
    this.#handle = handle
    this.bytes = bytes
  }

  read(at: number, length: number): Promise<Buffer> {
    return attempt('read', this.#path, async () => {
      const buffer = Buffer.allocUnsafe(length)
      let done = 0
      while (done < length) {
        const { bytesRead } = await this.#handle.read(buffer, done, length - done, at + done)
        if (bytesRead === 0) throw new Error(`it ends at byte ${at + done}`)
        done += bytesRead
      }
      return buffer
    })
  }

  close(): Promise<void> {
    return attempt('close', this.#path, () => this.#handle.close())
  }
}

/** Nothing is below a path that is a file, such as a database which a job keeps in the data directory. */
async function exists(path: string): Promise<boolean> {
  return (await absentAs(undefined, () => stat(path), ['ENOENT', 'ENOTDIR'])) !== undefined
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function absentAs<T>(absent: T, act: () => Promise<T>, codes: readonly string[] = ['ENOENT']): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (codes.includes((error as NodeJS.ErrnoException).code ?? '')) return absent
    throw error
  }
}

async function attempt<T>(action: string, path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw new MillraceError('IO', { action: `Could not ${action}`, path, reason: reasonOf(error) }, error)
  }
}
