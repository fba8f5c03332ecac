import { dirname } from 'node:path'
import type { FileSystem, OpenFile } from '../../../src/util/file-system.ts'

/** A write, or where `bytes` is undefined a cut at `position`. */
export interface FileChange {
  readonly position: number
  readonly bytes: Buffer | undefined
}

/** What a power failure leaves of a file's changes since its last sync: any of them, or parts of them. */
export type Survivors = (changes: readonly FileChange[]) => readonly FileChange[]

interface Inode {
  /** As a process sees it. */
  now: Buffer
  /** As the disk has it. */
  disk: Buffer
  unsynced: FileChange[]
}

type Names = Map<string, Inode>
type NameChange = (names: Names) => void

/**
 * A file system in memory that holds changes until they are synced (those of names until their directory is), counts the calls
 * that change something, and fails them from the Nth on, or while the disk is full. A sync that fails takes what was written for clean.
 */
export class CrashFileSystem implements FileSystem {
  readonly #names: Names = new Map()
  readonly #durableNames: Names = new Map()
  readonly #unsyncedNames = new Map<string, NameChange[]>()
  changes = 0
  /** How often files were read, and how much of them. */
  reads = 0
  readBytes = 0
  /** Calls that change something fail from this one on. */
  failFrom = Number.POSITIVE_INFINITY
  /** Bytes that files can still grow by: a write gives the disk what it has room for, and fails. */
  room = Number.POSITIVE_INFINITY

  async open(path: string, mode: 'create' | 'write' | 'read'): Promise<OpenFile> {
    if (mode === 'create') {
      this.#change()
      if (this.#names.has(path)) throw new Error(`EEXIST ${path}`)
      const inode = { now: Buffer.alloc(0), disk: Buffer.alloc(0), unsynced: [] }
      this.#changeNames(path, (names) => names.set(path, inode))
    }
    return this.#handle(this.#inode(path))
  }

  async list(directory: string): Promise<readonly string[]> {
    return [...this.#names.keys()]
      .filter((path) => dirname(path) === directory)
      .map((path) => path.split('/').at(-1) ?? '')
  }

  async makeDirectory(): Promise<void> {}

  async rename(from: string, to: string): Promise<void> {
    this.#change()
    const inode = this.#inode(from)
    this.#changeNames(from, (names) => {
      names.delete(from)
      names.set(to, inode)
    })
  }

  async remove(path: string): Promise<void> {
    this.#change()
    this.#inode(path)
    this.#changeNames(path, (names) => names.delete(path))
  }

  async syncDirectory(path: string): Promise<void> {
    this.#change()
    for (const change of this.#unsyncedNames.get(path) ?? []) change(this.#durableNames)
    this.#unsyncedNames.delete(path)
  }

  /** What a machine finds after the power failed; this one is left as it is. `names`: how many of a directory's unsynced changes it kept. */
  afterPowerFailure(survivors: Survivors, names: (changes: number) => number = () => 0): CrashFileSystem {
    const kept: Names = new Map(this.#durableNames)
    for (const changes of this.#unsyncedNames.values())
      for (const change of changes.slice(0, names(changes.length))) change(kept)
    const left = new CrashFileSystem()
    for (const [name, inode] of kept) {
      left.put(name, survivors(inode.unsynced).reduce(changed, inode.disk))
    }
    return left
  }

  /** What the next process finds after this one was killed: all that was written is there. */
  afterKill(): CrashFileSystem {
    const left = new CrashFileSystem()
    for (const [name, inode] of this.#names) left.put(name, inode.now)
    return left
  }

  /** A file's content. */
  content(path: string): Buffer {
    return Buffer.from(this.#inode(path).now)
  }

  /** Puts a file there, durably. */
  put(path: string, content: Buffer): void {
    const inode = { now: content, disk: content, unsynced: [] }
    this.#names.set(path, inode)
    this.#durableNames.set(path, inode)
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path)
    if (inode === undefined) throw new Error(`ENOENT ${path}`)
    return inode
  }

  #changeNames(path: string, change: NameChange): void {
    const directory = dirname(path)
    this.#unsyncedNames.set(directory, [...(this.#unsyncedNames.get(directory) ?? []), change])
    change(this.#names)
  }

  #change(): void {
    this.changes += 1
    if (this.changes >= this.failFrom) throw new Error(`EIO injected at change ${this.changes}`)
  }

  #apply(inode: Inode, change: FileChange): void {
    inode.unsynced.push(change)
    inode.now = changed(inode.now, change)
  }

  /** As much as there is room for. */
  #write(inode: Inode, bytes: Buffer, position: number): void {
    const grows = Math.max(0, position + bytes.length - inode.now.length)
    const fits = bytes.length - Math.max(0, grows - this.room)
    this.room -= Math.min(this.room, grows)
    if (fits > 0) this.#apply(inode, { position, bytes: bytes.subarray(0, fits) })
    if (fits < bytes.length) throw new Error('ENOSPC no space left')
  }

  #handle(inode: Inode): OpenFile {
    return {
      read: async (into, position) => {
        this.reads += 1
        const bytes = inode.now.copy(into, 0, position)
        this.readBytes += bytes
        return bytes
      },
      write: async (parts, position) => {
        // A write that fails may have been done.
        this.#write(inode, Buffer.concat(parts), position)
        this.#change()
      },
      truncate: async (bytes) => {
        this.#change()
        this.#apply(inode, { position: bytes, bytes: undefined })
      },
      sync: async () => {
        const { unsynced } = inode
        inode.unsynced = unsynced.filter(({ bytes }) => bytes === undefined)
        this.#change()
        inode.unsynced = []
        inode.disk = unsynced.reduce(changed, inode.disk)
      },
      size: async () => inode.now.length,
      close: async () => {},
    }
  }
}

function changed(content: Buffer, { position, bytes }: FileChange): Buffer {
  if (bytes === undefined) return content.subarray(0, position)
  if (bytes.length === 0) return content
  const grown = Buffer.alloc(Math.max(content.length, position + bytes.length))
  content.copy(grown)
  bytes.copy(grown, position)
  return grown
}
