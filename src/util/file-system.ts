// The little of a file system that durable parts of Millrace stand on: passed in, so that a simulation can hold writes in
// memory, lose what was not synced, tear and fail them.

import type { FileHandle } from 'node:fs/promises'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'

/** An open file. Calls of one handle are not overlapped by its user. */
export interface OpenFile {
  /** Fills `into` from `position` on; returns how many bytes there were (fewer only at the end of the file). */
  read(into: Uint8Array, position: number): Promise<number>
  /** Writes all parts one after the other at `position`. Durable only after sync(). */
  write(parts: readonly Uint8Array[], position: number): Promise<void>
  truncate(bytes: number): Promise<void>
  /** Resolves when content and size are on the disk. */
  sync(): Promise<void>
  size(): Promise<number>
  close(): Promise<void>
}

/** Files by absolute path. Errors are those of node:fs. */
export interface FileSystem {
  /** `create` fails if the file exists; `write` and `read` if it does not. */
  open(path: string, mode: 'create' | 'write' | 'read'): Promise<OpenFile>
  /** Names in a directory, in no order. */
  list(directory: string): Promise<readonly string[]>
  makeDirectory(path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** Makes creations, renames and removals in a directory durable. */
  syncDirectory(path: string): Promise<void>
}

const FLAGS = { create: 'wx+', write: 'r+', read: 'r' } as const

/** The file system of this machine. */
export const nodeFileSystem: FileSystem = {
  open: async (path, mode) => new NodeFile(await open(path, FLAGS[mode])),
  list: (directory) => readdir(directory),
  async makeDirectory(path) {
    await mkdir(path, { recursive: true })
  },
  rename,
  remove: (path) => rm(path),
  async syncDirectory(path) {
    // Windows cannot open a directory for syncing; NTFS journals the entry itself.
    if (process.platform === 'win32') return
    const directory = await open(path, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  },
}

class NodeFile implements OpenFile {
  readonly #file: FileHandle

  constructor(file: FileHandle) {
    this.#file = file
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    let done = 0
    while (done < into.length) {
      const { bytesRead } = await this.#file.read(into, done, into.length - done, position + done)
      if (bytesRead === 0) break
      done += bytesRead
    }
    return done
  }

  async write(parts: readonly Uint8Array[], position: number): Promise<void> {
    let at = position
    for (let i = 0; i < parts.length; i += PARTS_MAX) {
      at += await this.#writeAll(parts.slice(i, i + PARTS_MAX), at)
    }
  }

  truncate(bytes: number): Promise<void> {
    return this.#file.truncate(bytes)
  }

  sync(): Promise<void> {
    return this.#file.datasync()
  }

  async size(): Promise<number> {
    return (await this.#file.stat()).size
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  /** A write may be short (a signal, a nearly full disk): the rest is written again, so that a full disk shows as its error. */
  async #writeAll(parts: readonly Uint8Array[], position: number): Promise<number> {
    const bytes = parts.reduce((sum, part) => sum + part.length, 0)
    const { bytesWritten } = await this.#file.writev(parts, position)
    let done = bytesWritten
    if (done === bytes) return bytes
    const all = Buffer.concat(parts, bytes)
    while (done < bytes) {
      const { bytesWritten: more } = await this.#file.write(all, done, bytes - done, position + done)
      done += more
    }
    return bytes
  }
}

/** writev takes at most IOV_MAX parts (1,024 on Linux). */
const PARTS_MAX = 1024
